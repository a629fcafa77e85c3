# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF001, Chinese has commas of its own
"""Tooltips of engines' parameters."""

ROWS = {
    # image
    (
        "Colors of what the image does not show. symmetry: from matching parts that it shows, else from the model; "
        "model: from the model alone; front: the front again, seen through the object, which puts a second face on "
        "the back of a character"
    ): (
        "Farben dessen, was das Bild nicht zeigt. Symmetrie: von entsprechenden Teilen, die es zeigt, sonst vom "
        "Modell; Modell: nur vom Modell; Vorderseite: noch einmal die Vorderseite, durch das Objekt gesehen, was einer "
        "Figur ein zweites Gesicht auf den Rücken setzt",
        "画像に写っていない部分の色。対称：写っている対称な部分から、なければモデルから。モデル：モデルのみ。"
        "正面：物体を透かして見た正面をもう一度使うため、キャラクターの背面に2つ目の顔ができます",
        "이미지에 보이지 않는 부분의 색. 대칭: 보이는 대칭 부분에서, 없으면 모델에서. 모델: 모델에서만. "
        "앞면: 물체를 통해 본 앞면을 다시 사용하므로 캐릭터 뒤에 두 번째 얼굴이 생깁니다",
        "图像未显示部分的颜色。对称：取自图像中对称的部分，否则取自模型；模型：仅取自模型；"
        "正面：再次使用透过物体看到的正面，会让角色背面出现第二张脸",
    ),
    "Cut the object out of the image; auto only if the image has no transparency": (
        "Das Objekt im Bild freistellen; automatisch nur, wenn das Bild keine Transparenz hat",
        "画像から物体を切り抜きます。自動では、画像に透明部分がない場合だけ切り抜きます",
        "이미지에서 물체를 잘라 냅니다. 자동은 이미지에 투명한 곳이 없을 때만",
        "从图像中抠出物体；自动时仅在图像没有透明部分时进行",
    ),
    "Darken the image by a fifth, which helps with very bright objects. Published weights only": (
        "Das Bild um ein Fünftel abdunkeln, was bei sehr hellen Objekten hilft. Nur publizierte Gewichte",
        "画像を5分の1暗くします。とても明るい物体に有効です。公開された重みのみ",
        "이미지를 5분의 1 어둡게 합니다. 아주 밝은 물체에 도움이 됩니다. 공개된 가중치만",
        "将图像调暗五分之一，有助于很亮的物体。仅限已发布权重",
    ),
    "Estimate the camera's elevation from the image": (
        "Die Blickhöhe der Kamera aus dem Bild schätzen",
        "画像からカメラの仰角を推定します",
        "이미지에서 카메라의 고도를 추정합니다",
        "从图像估计相机仰角",
    ),
    "Estimate the camera's elevation from the image, if the weights can": (
        "Die Blickhöhe der Kamera aus dem Bild schätzen, wenn die Gewichte es können",
        "重みが対応していれば、画像からカメラの仰角を推定します",
        "가중치가 할 수 있으면 이미지에서 카메라의 고도를 추정합니다",
        "若权重支持，从图像估计相机仰角",
    ),
    "Estimate the camera's elevation from the image. Starter weights only; others do not use it": (
        "Die Blickhöhe der Kamera aus dem Bild schätzen. Nur Startergewichte; andere verwenden sie nicht",
        "画像からカメラの仰角を推定します。スターターの重みのみ。他の重みは使いません",
        "이미지에서 카메라의 고도를 추정합니다. 스타터 가중치만. 다른 것은 쓰지 않습니다",
        "从图像估计相机仰角。仅限入门权重；其他权重不使用",
    ),
    "Camera angle above the horizon in the image": (
        "Kamerawinkel über dem Horizont im Bild",
        "画像での水平線からのカメラの角度",
        "이미지에서 지평선 위의 카메라 각도",
        "图像中相机高于地平线的角度",
    ),
    "Camera angle above the horizon in the image, used when it is not estimated": (
        "Kamerawinkel über dem Horizont im Bild, wenn er nicht geschätzt wird",
        "画像での水平線からのカメラの角度。推定しない場合に使います",
        "이미지에서 지평선 위의 카메라 각도. 추정하지 않을 때 씁니다",
        "图像中相机高于地平线的角度，不估计时使用",
    ),
    "Camera angle above the horizon; MVDream was trained on 0 to 30": (
        "Kamerawinkel über dem Horizont; MVDream wurde mit 0 bis 30 trainiert",
        "水平線からのカメラの角度。MVDreamは0から30で学習しています",
        "지평선 위의 카메라 각도. MVDream은 0~30으로 학습했습니다",
        "相机高于地平线的角度；MVDream 以 0 至 30 训练",
    ),
    "Distance of the camera that OpenLRM assumes; the object lies within -1 to 1": (
        "Abstand der Kamera, den OpenLRM annimmt; das Objekt liegt zwischen -1 und 1",
        "OpenLRMが想定するカメラの距離。物体は-1から1の範囲にあります",
        "OpenLRM이 가정하는 카메라 거리. 물체는 -1에서 1 사이에 있습니다",
        "OpenLRM 假定的相机距离；物体位于 -1 到 1 之间",
    ),
    "Depth of the object relative to its width. Starter weights only; 0 estimates it": (
        "Tiefe des Objekts im Verhältnis zur Breite. Nur Startergewichte; 0 schätzt sie",
        "幅に対する物体の奥行き。スターターの重みのみ。0では推定します",
        "너비에 대한 물체의 깊이. 스타터 가중치만. 0이면 추정합니다",
        "物体深度与宽度之比。仅限入门权重；0 表示估计",
    ),
    "Trim the mesh to the image's outline and project the image onto its front": (
        "Das Mesh auf den Umriss im Bild zuschneiden und das Bild auf seine Vorderseite projizieren",
        "メッシュを画像の輪郭に合わせて切り、画像を正面に投影します",
        "메시를 이미지의 윤곽에 맞춰 자르고 이미지를 앞면에 투영합니다",
        "按图像轮廓修剪网格，并将图像投影到其正面",
    ),
    "Project the image onto the front of the mesh. The starter weights also trim the mesh to the image's outline": (
        "Das Bild auf die Vorderseite des Meshes projizieren. Mit den Startergewichten wird das Mesh auch auf den "
        "Umriss zugeschnitten",
        "画像をメッシュの正面に投影します。スターターの重みでは、メッシュを画像の輪郭に合わせて切ります",
        "이미지를 메시의 앞면에 투영합니다. 스타터 가중치는 메시를 이미지의 윤곽에 맞춰 자르기도 합니다",
        "将图像投影到网格正面。入门权重还会按图像轮廓修剪网格",
    ),
    (
        "Project the image onto the front of the finished mesh. A mesh that the starter weights refined is also "
        "trimmed to the image's outline"
    ): (
        "Das Bild auf die Vorderseite des fertigen Meshes projizieren. Ein mit den Startergewichten verfeinertes "
        "Mesh wird auch auf den Umriss zugeschnitten",
        "完成したメッシュの正面に画像を投影します。スターターの重みで改良したメッシュは、画像の輪郭に合わせた切り"
        "取りも行います",
        "완성된 메시의 앞면에 이미지를 투영합니다. 스타터 가중치로 다듬은 메시는 이미지의 윤곽에 맞춰 자르기도 합니다",
        "将图像投影到已完成网格的正面。用入门权重优化的网格还会按图像轮廓修剪",
    ),
    "What the image shows, in words. If empty, BLIP describes it, if its weights are installed": (
        "Was das Bild zeigt, in Worten. Leer: BLIP beschreibt es, wenn seine Gewichte installiert sind",
        "画像の内容を言葉で書いたもの。空欄では、重みがあればBLIPが説明します",
        "이미지가 보여 주는 것을 말로. 비우면 BLIP의 가중치가 설치되어 있을 때 BLIP이 설명합니다",
        "用文字描述图像内容。留空时，若已安装 BLIP 权重则由其描述",
    ),
    # mesh
    "Density above which space is solid; lower keeps thin parts. 0 uses the default for the weights": (
        "Dichte, ab der Raum fest ist; niedriger behält dünne Teile. 0 nimmt den Standard der Gewichte",
        "これを超える密度の空間を実体とします。低いほど薄い部分が残ります。0では重みの既定値を使います",
        "이보다 밀도가 높은 공간을 실체로 봅니다. 낮추면 얇은 부분이 남습니다. 0이면 가중치의 기본값",
        "密度高于此值的空间为实体；较低时保留细薄部分。0 使用权重的默认值",
    ),
    "Marching cubes cells along each side; more gives a finer mesh": (
        "Marching-Cubes-Zellen je Seite; mehr ergibt ein feineres Mesh",
        "各辺のマーチングキューブのセル数。多いほどメッシュが細かくなります",
        "각 변의 마칭 큐브 셀 수. 많을수록 메시가 세밀합니다",
        "每条边的移动立方体单元数；越多网格越精细",
    ),
    "Denoising steps; fewer are faster, and the shape fits the image less": (
        "Entrauschungsschritte; weniger sind schneller, und die Form passt weniger zum Bild",
        "ノイズ除去のステップ数。少ないほど速く、形状は画像に合いにくくなります",
        "노이즈 제거 단계 수. 적을수록 빠르지만 형태가 이미지에 덜 맞습니다",
        "去噪步数；越少越快，形状与图像的吻合也越差",
    ),
    "How closely the shape follows the image; 1 takes half of the time": (
        "Wie genau die Form dem Bild folgt; 1 braucht die halbe Zeit",
        "形状がどれだけ画像に従うか。1では時間が半分になります",
        "형태가 이미지를 얼마나 따르는지. 1은 시간이 절반입니다",
        "形状遵循图像的程度；1 只需一半时间",
    ),
    "How many vectors describe the shape; fewer take less time and memory, and have less detail": (
        "Wie viele Vektoren die Form beschreiben; weniger brauchen weniger Zeit und Speicher, bei weniger Feinheiten",
        "形状を表すベクトルの数。少ないほど時間とメモリーは減り、細部も減ります",
        "형태를 나타내는 벡터 수. 적을수록 시간과 메모리가 덜 들고 세부도 줄어듭니다",
        "描述形状的向量数；越少所需时间和内存越少，细节也越少",
    ),
    "Turn the mesh until its front is the image's view, and project the image onto it": (
        "Das Mesh drehen, bis vorn die Ansicht des Bilds ist, und das Bild darauf projizieren",
        "正面が画像のビューになるまでメッシュを回し、画像を投影します",
        "앞이 이미지의 뷰가 될 때까지 메시를 돌리고 이미지를 투영합니다",
        "旋转网格，直到正面是图像的视角，并将图像投影到其上",
    ),
    "The name of a set of weights, or the folder of TripoSG": (
        "Der Name eines Satzes von Gewichten oder der Ordner von TripoSG",
        "重みセットの名前、またはTripoSGのフォルダー",
        "가중치 세트의 이름, 또는 TripoSG의 폴더",
        "一套权重的名称，或 TripoSG 的文件夹",
    ),
    "Simplify the mesh to at most this many triangles; 0 keeps all": (
        "Das Mesh auf höchstens so viele Dreiecke vereinfachen; 0 behält alle",
        "メッシュを最大でこの数の三角形に減らします。0ではすべて残します",
        "메시를 최대 이만큼의 삼각형으로 줄입니다. 0이면 모두 유지",
        "将网格简化到最多此三角形数；0 保留全部",
    ),
    (
        "Unwrap the mesh and bake its colors into a texture of this size, in addition to vertex colors. Limits "
        "the mesh to 40,000 faces"
    ): (
        "Das Mesh abwickeln und seine Farben in eine Textur dieser Größe backen, zusätzlich zu Vertexfarben. "
        "Begrenzt das Mesh auf 40.000 Flächen",
        "メッシュを展開し、頂点カラーに加えて、このサイズのテクスチャに色をベイクします。メッシュは40,000面までに"
        "なります",
        "메시를 펼치고 버텍스 색에 더해 이 크기의 텍스처에 색을 베이크합니다. 메시는 40,000면으로 제한됩니다",
        "展开网格，除顶点颜色外，还将颜色烘焙到此大小的纹理。网格限制为 40,000 个面",
    ),
    # steps and time
    "Stop after this time and keep the result; 0 runs all steps": (
        "Nach dieser Zeit anhalten und das Ergebnis behalten; 0 führt alle Schritte aus",
        "この時間で止め、結果を残します。0ではすべてのステップを実行します",
        "이 시간이 지나면 멈추고 결과를 유지합니다. 0이면 모든 단계를 실행",
        "到此时间后停止并保留结果；0 运行所有步数",
    ),
    "Stop neus after this time and keep the result; 0 runs all steps": (
        "NeuS nach dieser Zeit anhalten und das Ergebnis behalten; 0 führt alle Schritte aus",
        "この時間でNeuSを止め、結果を残します。0ではすべてのステップを実行します",
        "이 시간이 지나면 NeuS를 멈추고 결과를 유지합니다. 0이면 모든 단계를 실행",
        "到此时间后停止 NeuS 并保留结果；0 运行所有步数",
    ),
    "Optimisation steps; 0 uses the default for the weights and the method": (
        "Optimierungsschritte; 0 nimmt den Standard der Gewichte und der Methode",
        "最適化のステップ数。0では重みと方式の既定値を使います",
        "최적화 단계 수. 0이면 가중치와 방법의 기본값",
        "优化步数；0 使用权重和方法的默认值",
    ),
    "Optimisation steps; 0 uses 10,000, or 120 with the starter weights": (
        "Optimierungsschritte; 0 nimmt 10.000, oder 120 mit den Startergewichten",
        "最適化のステップ数。0では10,000、スターターの重みでは120です",
        "최적화 단계 수. 0이면 10,000, 스타터 가중치로는 120",
        "优化步数；0 使用 10,000，入门权重为 120",
    ),
    (
        "Optimisation steps for the shape; 0 uses 5,000, or 160 with the starter weights. Refining adds more in "
        "proportion"
    ): (
        "Optimierungsschritte für die Form; 0 nimmt 5.000, oder 160 mit den Startergewichten. Das Verfeinern "
        "fügt anteilig weitere hinzu",
        "形状の最適化のステップ数。0では5,000、スターターの重みでは160です。色の改良で比例して増えます",
        "형태의 최적화 단계 수. 0이면 5,000, 스타터 가중치로는 160. 다듬기가 비례해서 더 늘립니다",
        "形状的优化步数；0 使用 5,000，入门权重为 160。细化会按比例增加",
    ),
    "Optimisation steps for neus; 0 uses 300": (
        "Optimierungsschritte für NeuS; 0 nimmt 300",
        "NeuSの最適化のステップ数。0では300です",
        "NeuS의 최적화 단계 수. 0이면 300",
        "NeuS 的优化步数；0 使用 300",
    ),
    "Training steps; 0 uses 600, or 200 with the starter weights": (
        "Trainingsschritte; 0 nimmt 600, oder 200 mit den Startergewichten",
        "学習のステップ数。0では600、スターターの重みでは200です",
        "학습 단계 수. 0이면 600, 스타터 가중치로는 200",
        "训练步数；0 使用 600，入门权重为 200",
    ),
    "Denoising steps; 0 uses 30": (
        "Entrauschungsschritte; 0 nimmt 30",
        "ノイズ除去のステップ数。0では30です",
        "노이즈 제거 단계 수. 0이면 30",
        "去噪步数；0 使用 30",
    ),
    "Denoising steps; 0 uses 50, or 30 with the starter weights": (
        "Entrauschungsschritte; 0 nimmt 50, oder 30 mit den Startergewichten",
        "ノイズ除去のステップ数。0では50、スターターの重みでは30です",
        "노이즈 제거 단계 수. 0이면 50, 스타터 가중치로는 30",
        "去噪步数；0 使用 50，入门权重为 30",
    ),
    "Denoising steps; 0 uses 64, as published": (
        "Entrauschungsschritte; 0 nimmt 64, wie publiziert",
        "ノイズ除去のステップ数。0では公開時と同じ64です",
        "노이즈 제거 단계 수. 0이면 발표된 대로 64",
        "去噪步数；0 使用与论文一致的 64",
    ),
    "Denoising steps per view; 0 uses the default for the weights and the quality": (
        "Entrauschungsschritte je Ansicht; 0 nimmt den Standard der Gewichte und der Qualität",
        "ビューごとのノイズ除去のステップ数。0では重みと品質の既定値を使います",
        "뷰당 노이즈 제거 단계 수. 0이면 가중치와 품질의 기본값",
        "每个视图的去噪步数；0 使用权重和质量的默认值",
    ),
    # guidance
    "How closely the generated views follow the image; 0 uses the default for the weights": (
        "Wie eng die erzeugten Ansichten dem Bild folgen; 0 nimmt den Standard der Gewichte",
        "生成するビューが画像に従う度合い。0では重みの既定値を使います",
        "만든 뷰가 이미지를 따르는 정도. 0이면 가중치의 기본값",
        "生成的视图遵循图像的程度；0 使用权重的默认值",
    ),
    "How closely the generated views follow the image; 0 uses the default for the weights and the method": (
        "Wie eng die erzeugten Ansichten dem Bild folgen; 0 nimmt den Standard der Gewichte und der Methode",
        "生成するビューが画像に従う度合い。0では重みと方式の既定値を使います",
        "만든 뷰가 이미지를 따르는 정도. 0이면 가중치와 방법의 기본값",
        "生成的视图遵循图像的程度；0 使用权重和方法的默认值",
    ),
    "How closely the image follows the prompt; 0 uses the default for the weights": (
        "Wie eng das Bild dem Prompt folgt; 0 nimmt den Standard der Gewichte",
        "画像がプロンプトに従う度合い。0では重みの既定値を使います",
        "이미지가 프롬프트를 따르는 정도. 0이면 가중치의 기본값",
        "图像遵循提示词的程度；0 使用权重的默认值",
    ),
    "How closely the other sides follow the description; 0 uses the default for the weights": (
        "Wie eng die anderen Seiten der Beschreibung folgen; 0 nimmt den Standard der Gewichte",
        "他の面が説明に従う度合い。0では重みの既定値を使います",
        "다른 면이 설명을 따르는 정도. 0이면 가중치의 기본값",
        "其他侧面遵循描述的程度；0 使用权重的默认值",
    ),
    "How closely the shape follows the image; 0 uses 3, as published": (
        "Wie eng die Form dem Bild folgt; 0 nimmt 3, wie publiziert",
        "形状が画像に従う度合い。0では公開時と同じ3です",
        "형태가 이미지를 따르는 정도. 0이면 발표된 대로 3",
        "形状遵循图像的程度；0 使用与论文一致的 3",
    ),
    "How closely the shape follows the prompt; 0 uses 15, as published": (
        "Wie eng die Form dem Prompt folgt; 0 nimmt 15, wie publiziert",
        "形状がプロンプトに従う度合い。0では公開時と同じ15です",
        "형태가 프롬프트를 따르는 정도. 0이면 발표된 대로 15",
        "形状遵循提示词的程度；0 使用与论文一致的 15",
    ),
    "How closely the shape follows the prompt; 0 uses the default for the weights": (
        "Wie eng die Form dem Prompt folgt; 0 nimmt den Standard der Gewichte",
        "形状がプロンプトに従う度合い。0では重みの既定値を使います",
        "형태가 프롬프트를 따르는 정도. 0이면 가중치의 기본값",
        "形状遵循提示词的程度；0 使用权重的默认值",
    ),
    "How closely the views follow the prompt; 0 uses the default for the weights": (
        "Wie eng die Ansichten dem Prompt folgen; 0 nimmt den Standard der Gewichte",
        "ビューがプロンプトに従う度合い。0では重みの既定値を使います",
        "뷰가 프롬프트를 따르는 정도. 0이면 가중치의 기본값",
        "视图遵循提示词的程度；0 使用权重的默认值",
    ),
    "How much of the contrast that guidance adds is removed; 0.7 in the paper, 0.5 in its code": (
        "Wie viel vom Kontrast, den die Führung hinzufügt, entfernt wird; 0,7 in der Arbeit, 0,5 in ihrem Code",
        "ガイダンスで増えるコントラストを取り除く割合。論文では0.7、そのコードでは0.5です",
        "가이던스가 더하는 대비를 없애는 정도. 논문에서는 0.7, 코드에서는 0.5",
        "去除引导所增加对比度的比例；论文中为 0.7，其代码中为 0.5",
    ),
    "What the object should not look like": (
        "Wie das Objekt nicht aussehen soll",
        "物体に避けたい見た目",
        "물체가 보이지 말아야 할 모습",
        "物体不应呈现的样子",
    ),
    "Negative prompts per view direction (Perp-Neg). Three extra model evaluations per step": (
        "Negative Prompts je Blickrichtung (Perp-Neg). Drei zusätzliche Modellauswertungen je Schritt",
        "視線方向ごとのネガティブプロンプト (Perp-Neg)。ステップごとにモデルの評価が3回増えます",
        "시점 방향별 네거티브 프롬프트(Perp-Neg). 단계마다 모델 평가가 세 번 더 필요합니다",
        "按视角方向的负面提示词（Perp-Neg）。每步额外评估模型三次",
    ),
    "Second stage: colors come from the image in front, and from the model elsewhere": (
        "Zweite Stufe: Farben kommen vorn aus dem Bild und sonst aus dem Modell",
        "第2段階。色は正面では画像から、それ以外ではモデルから取ります",
        "둘째 단계: 색을 앞에서는 이미지에서, 나머지는 모델에서 가져옵니다",
        "第二阶段：正面颜色取自图像，其他部分取自模型",
    ),
    "Shade the object in half of the steps, which improves its shape; doubles memory and time": (
        "Das Objekt in der Hälfte der Schritte schattieren, was die Form verbessert; verdoppelt Speicher und Zeit",
        "半分のステップで物体に陰影を付け、形状を良くします。メモリと時間は2倍になります",
        "절반의 단계에서 물체를 셰이딩해 형태를 개선합니다. 메모리와 시간이 두 배",
        "在一半的步数中对物体着色，可改善形状；内存和时间加倍",
    ),
    # views and subjects
    "Number of views, evenly around the object; the models were trained on four": (
        "Anzahl der Ansichten, gleichmäßig um das Objekt; die Modelle wurden mit vier trainiert",
        "物体の周りに均等に並ぶビューの数。モデルは4つで学習しています",
        "물체 주위에 고르게 놓는 뷰의 수. 모델은 네 개로 학습했습니다",
        "均匀环绕物体的视图数量；模型以四个训练",
    ),
    "Its name in prompts, without < and >: lowercase letters, digits, - and _": (
        "Sein Name in Prompts, ohne < und >: Kleinbuchstaben, Ziffern, - und _",
        "プロンプトでの名前。< と > は除き、小文字、数字、- と _ を使えます",
        "프롬프트에서 쓸 이름, < 와 > 없이: 소문자, 숫자, - 와 _",
        "在提示词中的名称，不含 < 和 >：小写字母、数字、- 和 _",
    ),
    "What it is, in common words, such as: chair": (
        "Was es ist, in üblichen Worten, etwa: chair",
        "一般的な言葉での種類。例: chair",
        "무엇인지 흔한 말로. 예: chair",
        "用常用词说明是什么，例如：chair",
    ),
    "How strongly the model keeps what it knew; -1 uses the default for the weights, 1 is as published": (
        "Wie stark das Modell bewahrt, was es konnte; -1 nimmt den Standard der Gewichte, 1 ist wie publiziert",
        "モデルが元の知識を保つ強さ。-1では重みの既定値を使い、1は論文どおりです",
        "모델이 알던 것을 지키는 정도. -1이면 가중치의 기본값, 1은 발표된 값",
        "模型保留已有知识的强度；-1 使用权重的默认值，1 与论文一致",
    ),
}
