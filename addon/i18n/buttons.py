# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF001, Chinese has commas of its own
"""Tooltips of the buttons in the sidebar."""

ROWS = {
    "Make a colored mesh from the image, at the 3D cursor": (
        "Macht aus dem Bild ein farbiges Mesh am 3D-Cursor",
        "画像から色付きのメッシュを作り、3Dカーソルの位置に置きます",
        "이미지로 색이 있는 메시를 만들어 3D 커서에 놓습니다",
        "用图像生成带颜色的网格，并放在 3D 游标处",
    ),
    "Choose an image file and make a colored mesh from it, at the 3D cursor": (
        "Fragt nach einer Bilddatei und macht daraus ein farbiges Mesh am 3D-Cursor",
        "画像ファイルを選び、色付きのメッシュを作って3Dカーソルの位置に置きます",
        "이미지 파일을 골라 색이 있는 메시를 만들고 3D 커서에 놓습니다",
        "选择图像文件，用它生成带颜色的网格，并放在 3D 游标处",
    ),
    "Make a colored mesh from each image, in rows from the 3D cursor on": (
        "Macht aus jedem dieser Bilder ein farbiges Mesh, in Reihen ab dem 3D-Cursor",
        "それぞれの画像から色付きのメッシュを作り、3Dカーソルから列に並べます",
        "각 이미지로 색이 있는 메시를 만들어 3D 커서부터 줄지어 놓습니다",
        "为每张图像生成带颜色的网格，从 3D 游标开始成行排列",
    ),
    "Turn the selected meshes to stand along the axes. The angle is estimated; correct it in the panel that opens": (
        "Dreht die gewählten Meshes entlang der Achsen. Der geschätzte Winkel lässt sich im Bedienfeld ändern",
        "選択したメッシュを、軸に沿うまで回します。推定です。開くパネルで角度を直せます",
        "선택한 메시를 축을 따라 설 때까지 돌립니다. 추정값이며, 열리는 패널에서 각도를 고칠 수 있습니다",
        "将所选网格旋转至与坐标轴对齐。为估计值，可在打开的面板中修正角度",
    ),
    "Make a colored mesh from the image that this editor shows": (
        "Macht ein farbiges Mesh aus dem Bild, das dieser Editor zeigt",
        "このエディターに表示中の画像から色付きのメッシュを作ります",
        "이 에디터에 표시된 이미지로 색이 있는 메시를 만듭니다",
        "用此编辑器显示的图像生成带颜色的网格",
    ),
    "Stop this job and free its memory": (
        "Hält diesen Auftrag an und gibt frei, was er belegt",
        "このジョブを止め、使っていたものを解放します",
        "이 작업을 멈추고 사용하던 것을 해제합니다",
        "停止此任务并释放其占用的资源",
    ),
    "Stop optimising now and keep the result so far": (
        "Beendet die Optimierung jetzt und behält das bisherige Ergebnis",
        "最適化をここで止め、その時点の結果を残します",
        "지금 최적화를 멈추고 지금까지의 결과를 유지합니다",
        "立即停止优化并保留目前的结果",
    ),
    "Continue a cancelled or crashed job from its last checkpoint": (
        "Setzt einen abgebrochenen oder abgestürzten Auftrag vom letzten Zwischenstand fort",
        "中断またはクラッシュしたジョブを、最後のチェックポイントから再開します",
        "취소되거나 비정상 종료된 작업을 마지막 체크포인트부터 이어서 합니다",
        "从最后的检查点继续被取消或崩溃的任务",
    ),
    "Hide this message": (
        "Blendet diese Meldung aus",
        "このメッセージを消します",
        "이 메시지를 닫습니다",
        "关闭此消息",
    ),
    "Lower this setting, so that the next job needs less memory": (
        "Setzt dies herab, damit der nächste Auftrag weniger Speicher braucht",
        "次のジョブのメモリ使用量が減るように、この値を下げます",
        "다음 작업이 메모리를 덜 쓰도록 이 값을 낮춥니다",
        "调低此项，使下一个任务占用更少内存",
    ),
    "Use the image on the clipboard": (
        "Nimmt das Bild aus der Zwischenablage",
        "クリップボードの画像を使います",
        "클립보드의 이미지를 사용합니다",
        "使用剪贴板中的图像",
    ),
    "Add a mesh that was finished while Blender was closed or another file was open": (
        "Holt ein Mesh, das fertig wurde, während Blender zu oder eine andere Datei offen war",
        "Blenderを閉じている間や別のファイルを開いている間に完成したメッシュを読み込みます",
        "Blender가 닫혀 있거나 다른 파일이 열려 있는 동안 완성된 메시를 가져옵니다",
        "导入在 Blender 关闭或打开其他文件期间完成的网格",
    ),
    "Unload the backend's models, to free memory for rendering": (
        "Lässt das Backend seine Modelle vergessen, damit ihr Speicher zum Rendern frei ist",
        "バックエンドのモデルを破棄し、レンダー用にメモリを空けます",
        "백엔드의 모델을 비워 렌더에 쓸 메모리를 확보합니다",
        "让后端释放其模型，为渲染腾出内存",
    ),
    "Make this version again, with the same image, prompt and settings": (
        "Macht diese Version noch einmal, aus demselben Bild und Prompt mit denselben Einstellungen",
        "同じ画像、プロンプト、設定でこのバージョンをもう一度作ります",
        "같은 이미지와 프롬프트, 같은 설정으로 이 버전을 다시 만듭니다",
        "用相同的图像、提示词和设置再次生成此版本",
    ),
    "Give the active object this version of its mesh. Location, parent, collections and modifiers stay": (
        "Gibt dem aktiven Objekt diese Version seines Meshes. Ort, Elternobjekt, Sammlungen und Modifikatoren bleiben",
        "アクティブオブジェクトのメッシュをこのバージョンにします。位置、親、コレクション、モディファイアーは変わ"
        "りません",
        "활성 오브젝트에 이 버전의 메시를 줍니다. 위치, 부모, 컬렉션, 모디파이어는 그대로입니다",
        "将此版本的网格赋给活动物体。位置、父级、集合和修改器保持不变",
    ),
    "Put this version beside the active object, for comparison": (
        "Stellt diese Version zum Vergleich neben das aktive Objekt",
        "比較のため、このバージョンをアクティブオブジェクトの隣に置きます",
        "비교할 수 있도록 이 버전을 활성 오브젝트 옆에 놓습니다",
        "将此版本放在活动物体旁边以便比较",
    ),
    "Remove this version from the list. Objects that use its mesh keep it": (
        "Nimmt diese Version aus der Liste. Objekte, die ihr Mesh haben, behalten es",
        "このバージョンをリストから外します。そのメッシュを使うオブジェクトは変わりません",
        "이 버전을 목록에서 뺍니다. 그 메시를 쓰는 오브젝트는 그대로입니다",
        "将此版本移出列表。使用其网格的物体不受影响",
    ),
    "Generate the object in the image as it looks from here": (
        "Zeigt, wie das Objekt im Bild von hier aus aussehen könnte",
        "画像の物体がここからどう見えるかを想像します",
        "이미지 속 물체가 여기서 어떻게 보일지 상상합니다",
        "想象图像中的物体从这里看的样子",
    ),
    "Add the engine's cameras around the selected objects or the 3D cursor": (
        "Stellt die Kameras des Verfahrens um die gewählten Objekte oder den 3D-Cursor",
        "選択したオブジェクトまたは3Dカーソルの周りにエンジンのカメラを追加します",
        "선택한 오브젝트나 3D 커서 주위에 엔진의 카메라를 추가합니다",
        "在所选物体或 3D 游标周围添加引擎的相机",
    ),
    "Render the selected objects from each camera of the rig, into background images that can be painted over": (
        "Rendert die gewählten Objekte aus jeder Kamera des Kreises, in Bilder dahinter, die man übermalen kann",
        "選択したオブジェクトをリグの各カメラからレンダーし、塗り直せる背景画像にします",
        "선택한 오브젝트를 리그의 각 카메라에서 렌더해, 덧칠할 수 있는 배경 이미지로 만듭니다",
        "用阵列中的每个相机渲染所选物体，结果成为可在其上绘制的背景图",
    ),
    "Make a mesh from the views, at the place that they show": (
        "Macht ein Mesh aus dem, was die Ansichten zeigen, dort, wo sie es zeigen",
        "ビューに写っているものからメッシュを作り、写っている場所に置きます",
        "뷰에 보이는 것으로 메시를 만들어 보이는 자리에 놓습니다",
        "用各视图所示内容生成网格，并放在其所示位置",
    ),
    "Generate views of the prompt from several sides, as background images of cameras": (
        "Zeigt von mehreren Seiten, was der Prompt sagt, als Bilder hinter Kameras",
        "プロンプトの内容を複数の方向から想像し、カメラの背景画像にします",
        "프롬프트의 내용을 여러 방향에서 상상해 카메라 뒤의 이미지로 놓습니다",
        "从多个方向想象提示词的内容，作为相机后的图像",
    ),
    "Learn an object from photos, so that prompts can name it": (
        "Lernt ein Objekt aus Fotos, damit Prompts es nennen können",
        "写真から一つの物体を学習し、プロンプトで呼べるようにします",
        "사진에서 한 물체를 학습해 프롬프트에서 부를 수 있게 합니다",
        "从照片中学习一个物体，使提示词可以指称它",
    ),
    (
        "Optimise the active object's mesh further, below its modifiers. The object keeps its place; the old "
        "mesh stays in History"
    ): (
        "Optimiert das Mesh des aktiven Objekts weiter, unterhalb der Modifikatoren. Das Objekt bleibt am Ort; "
        "das alte Mesh bleibt im Verlauf",
        "アクティブオブジェクトのメッシュを、モディファイアーの手前でさらに最適化します。オブジェクトの位置は変わ"
        "らず、元のメッシュは履歴に残ります",
        "활성 오브젝트의 메시를 모디파이어 아래에서 더 최적화합니다. 오브젝트의 위치는 그대로이고 이전 메시는 "
        "기록에 남습니다",
        "在修改器之下进一步优化活动物体的网格。物体位置不变，原网格保留在历史中",
    ),
    "Scale the selected meshes to Height and stand them on the cursor or the floor, as Place says": (
        "Skaliert die gewählten Meshes auf „Höhe“ und stellt sie auf den Cursor oder den Boden, wie „Ort“ es sagt",
        "選択したメッシュを「高さ」に合わせて拡縮し、「配置」に従ってカーソルまたは床に立てます",
        "선택한 메시를 ‘높이’에 맞춰 스케일하고 ‘위치’에 따라 커서나 바닥에 세웁니다",
        "将所选网格缩放到“高度”，并按“放置”立于游标或地面",
    ),
    "Add a camera from which the active mesh covers its image, and look through it. The image is in the background": (
        "Macht eine Kamera, aus der das aktive Mesh über seinem Bild liegt, und blickt hindurch. Dahinter das Bild",
        "アクティブなメッシュが元の画像に重なって見えるカメラを追加し、そこから見ます。画像は背景になります",
        "활성 메시가 원본 이미지 위에 겹쳐 보이는 카메라를 추가하고 그 카메라로 봅니다. 이미지는 배경이 됩니다",
        "添加一个相机并从中观看，活动网格与其图像重合。图像作为背景",
    ),
    "Simplify the active mesh to this number of triangles. Colors and UVs stay; the old mesh stays in History": (
        "Vereinfacht das aktive Mesh auf so viele Dreiecke. Farben und UVs bleiben; das alte Mesh bleibt im Verlauf",
        "アクティブなメッシュをこの数の三角形まで減らします。色とUVは保たれ、元のメッシュは履歴に残ります",
        "활성 메시를 이만큼의 삼각형으로 줄입니다. 색과 UV는 유지되고 이전 메시는 기록에 남습니다",
        "将活动网格简化到此三角形数。颜色和 UV 保留，原网格保留在历史中",
    ),
    (
        "Rebuild the active mesh from this number of quads (QuadriFlow). Colors are kept, UVs and textures are "
        "not; the old mesh stays in History"
    ): (
        "Baut das aktive Mesh aus so vielen Vierecken neu (QuadriFlow). Farben bleiben, UVs und Texturen nicht; "
        "das alte Mesh bleibt im Verlauf",
        "アクティブなメッシュをこの数の四角形で作り直します (QuadriFlow)。色は移りますが、UVとテクスチャは移りま"
        "せん。元のメッシュは履歴に残ります",
        "활성 메시를 이만큼의 사각형으로 다시 만듭니다 (QuadriFlow). 색은 옮겨지지만 UV와 텍스처는 아닙니다. "
        "이전 메시는 기록에 남습니다",
        "用此数量的四边形重建活动网格（QuadriFlow）。颜色会保留，UV 和纹理不会。原网格保留在历史中",
    ),
    (
        "Bake colors into an image: from the other selected mesh, the mesh before decimation, or this mesh. "
        "Unwraps it if it has no UV map. Esc stops it; the old mesh stays in History"
    ): (
        "Bäckt die Farben in ein Bild: die des anderen gewählten Meshes, die des Meshes vor dem Vereinfachen "
        "oder die eigenen. Ohne UV-Map wird abgewickelt. Esc bricht ab; das alte Mesh bleibt im Verlauf",
        "色を画像にベイクします。もう一つの選択メッシュ、削減前のメッシュ、または自身の色を使います。UVマップがな"
        "ければ展開します。Escで中止します。元のメッシュは履歴に残ります",
        "색을 이미지로 베이크합니다. 함께 선택한 메시, 줄이기 전의 메시, 또는 자신의 색을 씁니다. UV 맵이 없으면 "
        "펼칩니다. Esc로 중지합니다. 이전 메시는 기록에 남습니다",
        "将颜色烘焙到图像：取自另一个所选网格、简化前的网格或自身。没有 UV 贴图时会自动展开。按 Esc 停止"
        "，原网格保留在历史中",
    ),
    (
        "Bake the relief into an image: from the other selected mesh or the mesh before decimation. Unwraps it "
        "if it has no UV map. Esc stops it; the old mesh stays in History"
    ): (
        "Bäckt das Relief in ein Bild: das des anderen gewählten Meshes oder das des Meshes vor dem "
        "Vereinfachen. Ohne UV-Map wird abgewickelt. Esc bricht ab; das alte Mesh bleibt im Verlauf",
        "凹凸を画像にベイクします。もう一つの選択メッシュ、または削減前のメッシュを使います。UVマップがなければ展"
        "開します。Escで中止します。元のメッシュは履歴に残ります",
        "굴곡을 이미지로 베이크합니다. 함께 선택한 메시나 줄이기 전의 메시를 씁니다. UV 맵이 없으면 펼칩니다. "
        "Esc로 중지합니다. 이전 메시는 기록에 남습니다",
        "将凹凸烘焙到图像：取自另一个所选网格或简化前的网格。没有 UV 贴图时会自动展开。按 Esc 停止，原网格保留在历史中",
    ),
    "Remove the cameras of the view rig and their collection. Your own cameras stay": (
        "Entfernt die Kameras des Kamerakreises und ihre Sammlung. Eigene Kameras bleiben",
        "カメラリグのカメラとそのコレクションを削除します。ご自分のカメラは残ります",
        "카메라 리그의 카메라와 컬렉션을 제거합니다. 직접 만든 카메라는 남습니다",
        "移除相机阵列的相机及其集合。您自己的相机会保留",
    ),
    "Shade the active mesh smooth, except for edges that are sharper than the angle": (
        "Schattiert das aktive Mesh glatt, außer an Kanten, die schärfer als der Winkel sind",
        "角度より鋭い辺を除き、アクティブなメッシュをスムーズシェードにします",
        "각도보다 날카로운 모서리를 빼고 활성 메시를 매끄럽게 셰이드합니다",
        "平滑着色活动网格，比该角度更锐的边除外",
    ),
    "Mark the active object as an asset with a preview, for the Asset Browser": (
        "Macht das aktive Objekt zum Asset, mit Bild, sodass es im Asset-Browser erscheint",
        "アクティブオブジェクトをサムネイル付きのアセットにし、アセットブラウザーに表示します",
        "활성 오브젝트를 그림과 함께 애셋으로 표시해 애셋 브라우저에 나타나게 합니다",
        "将活动物体标记为资产并附预览图，使其出现在资产浏览器中",
    ),
    "Show the backend's log in a text editor": (
        "Zeigt in einem Texteditor, was das Backend geschrieben hat",
        "バックエンドの出力をテキストエディターに表示します",
        "백엔드가 쓴 내용을 텍스트 에디터에 보여 줍니다",
        "在文本编辑器中显示后端的输出",
    ),
    "Copy versions, the last failure and the end of the log, for a bug report": (
        "Kopiert Versionen, den letzten Fehler und das Ende des Protokolls, für einen Fehlerbericht",
        "バグ報告用に、バージョン、最後の失敗、ログの末尾をコピーします",
        "버그 보고에 붙여 넣을 버전, 마지막 실패, 로그의 끝을 복사합니다",
        "复制版本信息、最近的失败和日志末尾，用于错误报告",
    ),
    "Generate the object in the image as the scene's camera sees it": (
        "Zeigt, wie die Kamera der Szene das Objekt im Bild sehen könnte",
        "画像の物体がシーンのカメラからどう見えるかを生成します",
        "이미지 속 물체를 씬의 카메라가 보는 모습으로 만듭니다",
        "生成图像中的物体从场景相机看去的样子",
    ),
    "Generate the object in the image as this 3D View sees it": (
        "Zeigt, wie das Objekt im Bild in dieser 3D-Ansicht aussehen könnte",
        "画像の物体がこの3Dビューからどう見えるかを生成します",
        "이미지 속 물체를 이 3D 뷰에서 보는 모습으로 만듭니다",
        "生成图像中的物体从此 3D 视图看去的样子",
    ),
    "Generate the object in the image from all around, as reference images in the scene": (
        "Zeigt das Objekt im Bild von allen Seiten, als Referenzbilder in der Szene",
        "画像の物体を全方向から生成し、シーンの参照画像にします",
        "이미지 속 물체를 모든 방향에서 만들어 씬의 참조 이미지로 놓습니다",
        "从四周生成图像中的物体，作为场景中的参考图像",
    ),
    "Save the chosen engine's settings as a preset, or delete a preset": (
        "Speichert die Einstellungen des gewählten Verfahrens als Vorgabe oder löscht eine",
        "選んだエンジンの設定をプリセットとして保存、または削除します",
        "선택한 엔진의 설정을 프리셋으로 저장하거나 프리셋을 삭제합니다",
        "将所选引擎的设置保存为预设，或删除预设",
    ),
    "Change between the active object's mesh and the version before it": (
        "Wechselt zwischen dem Mesh des aktiven Objekts und der Version davor",
        "アクティブオブジェクトのメッシュと、その前のバージョンを切り替えます",
        "활성 오브젝트의 메시와 그 이전 버전을 서로 바꿉니다",
        "在活动物体的网格与前一版本之间切换",
    ),
    "Choose an image file": (
        "Eine Bilddatei wählen",
        "画像ファイルを選びます",
        "이미지 파일을 선택합니다",
        "选择图像文件",
    ),
    "Choose this image, whatever the prompt will be": (
        "Wählt dieses Bild, auch wenn sich der Prompt ändert",
        "プロンプトが変わっても、この画像を使います",
        "프롬프트가 바뀌어도 이 이미지를 사용합니다",
        "选用此图像，即使提示词改变",
    ),
    "Drag a box around the object: the rest of the image is not used": (
        "Einen Rahmen um das Objekt ziehen: Der Rest des Bildes wird nicht verwendet",
        "オブジェクトを枠で囲みます。画像の残りは使いません",
        "오브젝트 둘레에 상자를 그립니다. 이미지의 나머지는 쓰지 않습니다",
        "在物体周围拖出方框：图像的其余部分不会使用",
    ),
    "Let the brush erase the image, or bring back what was erased": (
        "Der Pinsel radiert das Bild oder holt Radiertes zurück",
        "ブラシで画像を消すか、消したものを戻します",
        "브러시로 이미지를 지우거나 지운 것을 되살립니다",
        "用笔刷擦除图像，或恢复擦除的部分",
    ),
    "Look at the result from another side": (
        "Das Ergebnis von einer anderen Seite ansehen",
        "結果を別の側から見ます",
        "결과를 다른 쪽에서 봅니다",
        "从另一侧查看结果",
    ),
    "Make four meshes with different seeds, side by side. Keep This One removes the others": (
        "Erzeugt vier Meshes mit verschiedenen Startwerten nebeneinander. Dieses behalten entfernt die anderen",
        "シードの異なる4つのメッシュを並べて作ります。「これを残す」で他を取り除きます",
        "시드가 다른 메시 네 개를 나란히 만듭니다. 이것만 남기기를 누르면 나머지가 제거됩니다",
        "用不同种子生成四个并排的网格。“保留这个”会移除其余的",
    ),
    "Paint away what does not belong to the object, in the Image Editor. The image itself is not changed": (
        "Im Bildeditor wegmalen, was nicht zum Objekt gehört. Das Bild selbst bleibt unverändert",
        "画像エディターで、オブジェクトでない部分を塗って消します。元の画像は変わりません",
        "이미지 에디터에서 오브젝트가 아닌 부분을 칠해 지웁니다. 원본 이미지는 바뀌지 않습니다",
        "在图像编辑器中涂去不属于物体的部分。原图像不变",
    ),
    "Remove the other variations from the scene. They stay in History": (
        "Entfernt die anderen Varianten aus der Szene. Im Verlauf bleiben sie",
        "他のバリエーションをシーンから取り除きます。履歴には残ります",
        "다른 변형을 장면에서 제거합니다. 기록에는 남습니다",
        "从场景中移除其余变体。它们仍在历史中",
    ),
    "Show materials in this 3D View under Blender's even light, or Solid shading again": (
        "Zeigt in dieser 3D-Ansicht Materialien in Blenders gleichmäßigem Licht oder wieder die solide Ansicht",
        "この3DビューにBlenderの均一な光でマテリアルを表示するか、ソリッド表示に戻します",
        "이 3D 뷰에 Blender의 고른 빛으로 매테리얼을 표시하거나 솔리드 셰이딩으로 돌아갑니다",
        "在此 3D 视图中用 Blender 的均匀光照显示材质，或恢复实体着色",
    ),
    "Show this view in an Image Editor": (
        "Zeigt diese Ansicht in einem Bildeditor",
        "このビューを画像エディターに表示します",
        "이 뷰를 이미지 에디터에 표시합니다",
        "在图像编辑器中显示此视图",
    ),
    "Use the next object of the image alone, from left to right; after the last one, all of them": (
        "Verwendet nur das nächste Objekt im Bild, von links nach rechts; nach dem letzten wieder alle",
        "画像の次のオブジェクトだけを左から順に使います。最後の次はすべてです",
        "이미지의 다음 오브젝트 하나만 왼쪽부터 차례로 사용합니다. 마지막 다음은 모두입니다",
        "从左到右只使用图像中的下一个物体；最后一个之后使用全部",
    ),
    "Generate another image from the prompt, with the next seed. This one stays in the file": (
        "Erzeugt ein anderes Bild nach dem Prompt, mit dem nächsten Startwert. Dieses bleibt in der Datei",
        "次のシードで、プロンプトから別の画像を生成します。今の画像はファイルに残ります",
        "다음 시드로 프롬프트에서 다른 이미지를 만듭니다. 지금 이미지는 파일에 남습니다",
        "用下一个种子从提示词生成另一张图像。当前图像仍保留在文件中",
    ),
    "Generate an image from the prompt, to look at it before the mesh": (
        "Erzeugt ein Bild nach dem Prompt, um es vor dem Mesh anzusehen",
        "プロンプトから画像を生成し、メッシュの前に確認します",
        "프롬프트로 이미지를 만들어 메시보다 먼저 살펴봅니다",
        "用提示词生成图像，以便在生成网格前查看",
    ),
}
