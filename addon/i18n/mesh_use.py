# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF001, Chinese has commas of its own
"""Make Solid and Print Check."""

ROWS = {
    "Make Solid": ("Massiv machen", "ソリッド化", "솔리드로 만들기", "实体化"),
    "Print Check": ("Druck prüfen", "印刷チェック", "출력 검사", "打印检查"),
    "Hole Size": ("Lochgröße", "穴のサイズ", "구멍 크기", "孔洞大小"),
    "One Skin": ("Eine Haut", "一枚の表皮", "하나의 표면", "单一外壳"),
    "Skin Detail": ("Feinheit", "表皮の細かさ", "표면 세밀도", "外壳细节"),
    "Least Wall": ("Kleinste Wand", "最小の壁", "최소 벽", "最小壁厚"),
    "Unit": ("Einheit", "単位", "단위", "单位"),
    (
        "Turn all faces of the active mesh outwards, close small holes and remove what cannot be seen from outside. "
        "Colors, UVs and materials stay; the old mesh stays in History"
    ): (
        "Kehrt alle Flächen des aktiven Meshes nach außen, schließt kleine Löcher und entfernt, was von außen nicht zu "
        "sehen ist. Farben, UVs und Materialien bleiben; das alte Mesh bleibt im Verlauf",
        "アクティブなメッシュの面をすべて外側に向け、小さな穴を閉じ、外から見えない部分を取り除きます。"
        "カラー、UV、マテリアルは残り、元のメッシュは履歴に残ります",
        "활성 메시의 모든 면을 바깥으로 돌리고, 작은 구멍을 닫고, 밖에서 보이지 않는 것을 제거합니다. "
        "색, UV, 머티리얼은 유지되며 이전 메시는 기록에 남습니다",
        "将活动网格的所有面朝外，封闭小孔，并移除从外部看不到的部分。颜色、UV 和材质保留；旧网格保留在历史中",
    ),
    "Say whether the active mesh, with its modifiers, can be printed, and what is wrong with it": (
        "Sagt, ob das aktive Mesh mit seinen Modifikatoren gedruckt werden kann, und was daran falsch ist",
        "モディファイアーを含むアクティブなメッシュが印刷できるか、何が問題かを示します",
        "모디파이어를 포함한 활성 메시를 출력할 수 있는지, 무엇이 잘못됐는지 알려 줍니다",
        "说明活动网格（含修改器）能否打印，以及存在哪些问题",
    ),
    "Close holes up to this size, as a share of the mesh's longest side": (
        "Schließt Löcher bis zu dieser Größe, als Anteil der längsten Seite des Meshes",
        "この大きさまでの穴を閉じます。メッシュの最も長い辺に対する割合です",
        "이 크기까지의 구멍을 닫습니다. 메시의 가장 긴 변에 대한 비율입니다",
        "封闭不超过此大小的孔洞，以网格最长边的比例表示",
    ),
    "Rebuild the mesh as one closed skin. Joins parts that overlap, and gives flat parts a thickness": (
        "Baut das Mesh als eine geschlossene Haut neu auf. Verbindet überlappende Teile, und gibt flachen Teilen "
        "eine Dicke",
        "メッシュを閉じた一枚の表皮として作り直します。重なる部分をつなぎ、平らな部分に厚みを付けます",
        "메시를 닫힌 하나의 표면으로 다시 만듭니다. 겹치는 부분을 합치고 납작한 부분에 두께를 줍니다",
        "将网格重建为一个封闭的外壳。合并重叠的部分，并为扁平部分赋予厚度",
    ),
    "Cells of the skin along the longest side; more gives a finer mesh": (
        "Zellen der Haut entlang der längsten Seite; mehr ergibt ein feineres Mesh",
        "最も長い辺に沿った表皮のセル数。多いほど細かいメッシュになります",
        "가장 긴 변을 따른 표면의 셀 수. 많을수록 메시가 세밀해집니다",
        "外壳沿最长边的单元数；越多网格越精细",
    ),
    "The thinnest wall that your printer can make, in millimetres": (
        "Die dünnste Wand, die Ihr Drucker herstellen kann, in Millimetern",
        "お使いのプリンターで作れる最も薄い壁（ミリメートル）",
        "프린터가 만들 수 있는 가장 얇은 벽, 밀리미터",
        "您的打印机能制作的最薄壁厚，单位为毫米",
    ),
    "Millimetres of one unit of the mesh; 1000 for metres": (
        "Millimeter einer Einheit des Meshes; 1000 für Meter",
        "メッシュの1単位のミリメートル数。メートルなら1000",
        "메시 한 단위의 밀리미터 수. 미터이면 1000",
        "网格一个单位对应的毫米数；米为 1000",
    ),
    # stages
    "Repairing": ("Reparieren", "修復中", "수리 중", "正在修复"),
    "Skin": ("Haut", "表皮", "표면", "外壳"),
    # findings
    "It has holes. Open edges: {}": (
        "Es hat Löcher. Offene Kanten: {}",
        "穴があります。開いた辺: {}",
        "구멍이 있습니다. 열린 에지: {}",
        "存在孔洞。开放边：{}",
    ),
    "Parts only touch. Such edges or corners: {}": (
        "Teile berühren sich nur. Solche Kanten oder Ecken: {}",
        "部分が接しているだけです。そのような辺や角: {}",
        "부분들이 닿기만 합니다. 그런 에지나 모서리: {}",
        "部分之间仅相互接触。此类边或角：{}",
    ),
    "Faces look to different sides. Edges between them: {}": (
        "Flächen zeigen nach verschiedenen Seiten. Kanten dazwischen: {}",
        "面の向きがそろっていません。境目の辺: {}",
        "면들이 서로 다른 쪽을 향합니다. 그 사이의 에지: {}",
        "面的朝向不一致。其间的边：{}",
    ),
    "Faces cut through each other: {} %": (
        "Flächen durchdringen sich: {} %",
        "面が互いに貫通しています: {} %",
        "면들이 서로 뚫고 지나갑니다: {} %",
        "面相互穿插：{} %",
    ),
    "It is hollow. Closed spaces inside: {}": (
        "Es ist hohl. Geschlossene Räume im Inneren: {}",
        "中空です。内部の閉じた空間: {}",
        "속이 비었습니다. 내부의 닫힌 공간: {}",
        "内部中空。封闭空间：{}",
    ),
    "It is inside out": ("Innen ist außen", "裏返しになっています", "안팎이 뒤집혀 있습니다", "内外翻转"),
    "A wall is too thin: {} mm, at least {} mm is needed": (
        "Eine Wand ist zu dünn: {} mm, mindestens {} mm sind nötig",
        "壁が薄すぎます: {} mm。{} mm以上必要です",
        "벽이 너무 얇습니다: {} mm, 최소 {} mm 필요",
        "壁过薄：{} mm，至少需要 {} mm",
    ),
    "Size: {} x {} x {} mm": (
        "Größe: {} x {} x {} mm",
        "サイズ: {} x {} x {} mm",
        "크기: {} x {} x {} mm",
        "尺寸：{} x {} x {} mm",
    ),
    "Thinnest wall: {} mm": ("Dünnste Wand: {} mm", "最も薄い壁: {} mm", "가장 얇은 벽: {} mm", "最薄壁：{} mm"),
    "Shells: {}": ("Hüllen: {}", "シェル: {}", "껍질: {}", "壳体：{}"),
    "Ready to print": ("Druckbereit", "印刷できます", "출력 준비 완료", "可以打印"),
}
