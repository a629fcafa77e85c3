# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF001, Chinese has commas of its own
"""Tooltips of engines, of their choices and of their weights."""

ROWS = {
    "One network turns the image into a mesh in one pass, in seconds. Also runs the weights of TripoSR and OpenLRM": (
        "Ein Netz macht aus dem Bild in einem Durchgang ein Mesh, in Sekunden. Führt auch die Gewichte von "
        "TripoSR und OpenLRM aus",
        "1つのネットワークが画像を一度の処理で、数秒でメッシュにします。TripoSRとOpenLRMの重みも使えます",
        "네트워크 하나가 이미지를 한 번에, 몇 초 만에 메시로 바꿉니다. TripoSR과 OpenLRM의 가중치도 실행합니다",
        "单个网络一次将图像变为网格，只需数秒。也可运行 TripoSR 和 OpenLRM 的权重",
    ),
    "Generates 32 views of the object and fits a surface to them, in about a minute on a CPU": (
        "Erzeugt 32 Ansichten des Objekts und passt eine Oberfläche an, in etwa einer Minute auf einer CPU",
        "物体の32のビューを生成し、それに表面を合わせます。CPUで約1分です",
        "물체의 뷰 32개를 만들고 표면을 맞춥니다. CPU에서 약 1분",
        "生成物体的 32 个视图并拟合表面，在 CPU 上约一分钟",
    ),
    (
        "Optimises a shape until it matches the image in front and Zero-1-to-3's prediction everywhere else. Can "
        "also refine a mesh"
    ): (
        "Optimiert eine Form, bis sie vorn dem Bild und sonst der Vorhersage von Zero-1-to-3 entspricht. Kann "
        "auch ein Mesh verfeinern",
        "正面は画像に、それ以外はZero-1-to-3の予測に合うまで形状を最適化します。メッシュの改良にも使えます",
        "앞은 이미지에, 나머지는 Zero-1-to-3의 예측에 맞을 때까지 형태를 최적화합니다. 메시를 다듬을 수도 있습니다",
        "优化形状，直到正面与图像一致、其他方向与 Zero-1-to-3 的预测一致。也可优化已有网格",
    ),
    (
        "Optimises a shape until it matches the image in front and its description from other sides, then "
        "refines the colors"
    ): (
        "Optimiert eine Form, bis sie vorn dem Bild und von anderen Seiten der Beschreibung entspricht, und "
        "verfeinert dann die Farben",
        "正面は画像に、他の方向は説明に合うまで形状を最適化し、その後で色を改良します",
        "앞은 이미지에, 다른 면은 설명에 맞을 때까지 형태를 최적화한 뒤 색을 다듬습니다",
        "优化形状，直到正面与图像一致、其他侧面与描述一致，然后优化颜色",
    ),
    "Optimises a shape until Stable Diffusion sees the prompt in it from every side": (
        "Optimiert eine Form, bis Stable Diffusion von jeder Seite den Prompt darin sieht",
        "どの方向からもStable Diffusionがプロンプトどおりと判断するまで形状を最適化します",
        "Stable Diffusion이 모든 방향에서 프롬프트를 알아볼 때까지 형태를 최적화합니다",
        "优化形状，直到 Stable Diffusion 从各个方向都认为符合提示词",
    ),
    "Generates a whole shape by diffusion, in a minute. Smooth and simple; free for any use. Needs a download": (
        "Erzeugt eine ganze Form durch Diffusion, in einer Minute. Glatt und einfach; frei für jeden Zweck. "
        "Braucht einen Download",
        "拡散モデルで形状全体を約1分で生成します。滑らかで単純な形です。用途を問わず自由に使えます。ダウンロード"
        "が必要です",
        "디퓨전으로 형태 전체를 1분 만에 만듭니다. 매끄럽고 단순하며 어떤 용도로든 자유. 다운로드가 필요합니다",
        "通过扩散在一分钟内生成完整形状。平滑而简单；可自由用于任何用途。需要下载",
    ),
    (
        "Generates a detailed, closed shape by diffusion; its colors come from the image. Free for any use. Needs a "
        "download, and a graphics card for speed"
    ): (
        "Erzeugt durch Diffusion eine genaue, geschlossene Form; ihre Farben kommen aus dem Bild. Frei für jeden "
        "Zweck. Braucht einen Download und, um schnell zu sein, eine Grafikkarte",
        "拡散モデルで細かく閉じた形状を生成します。色は画像から取ります。用途を問わず自由に使えます。ダウンロード"
        "が必要で、速く使うにはグラフィックカードが要ります",
        "디퓨전으로 세밀하고 닫힌 형태를 만듭니다. 색은 이미지에서 가져옵니다. 어떤 용도로든 자유. 다운로드가 "
        "필요하고, 빠르려면 그래픽 카드가 필요합니다",
        "通过扩散生成精细的封闭形状；颜色取自图像。可自由用于任何用途。需要下载；要快则需要显卡",
    ),
    "Optimises a shape on four views at once, which avoids DreamFusion's extra faces": (
        "Optimiert eine Form an vier Ansichten zugleich, was die zusätzlichen Gesichter von DreamFusion vermeidet",
        "4つのビューで同時に形状を最適化し、DreamFusionの余分な顔を防ぎます",
        "네 뷰에서 동시에 형태를 최적화해 DreamFusion의 여분의 얼굴을 막습니다",
        "同时在四个视图上优化形状，避免 DreamFusion 的多余的脸",
    ),
    # choices
    "Start from nothing, from the mesh that One-2-3-45 makes (fast), or from the selected mesh": (
        "Mit nichts beginnen, mit dem Mesh von One-2-3-45 (schnell) oder mit dem gewählten Mesh",
        "何もない状態から、One-2-3-45が作るメッシュ (高速) から、または選択したメッシュから開始します",
        "없음, One-2-3-45가 만드는 메시(빠르게), 또는 선택한 메시에서 시작합니다",
        "从无开始，从 One-2-3-45 生成的网格（快速）开始，或从所选网格开始",
    ),
    "Start from nothing, or from the selected mesh": (
        "Mit nichts beginnen oder mit dem gewählten Mesh",
        "何もない状態から、または選択したメッシュから開始します",
        "없음, 또는 선택한 메시에서 시작합니다",
        "从无开始，或从所选网格开始",
    ),
    "density: as published; distance: a signed distance, slower, with a cleaner surface": (
        "Dichte: wie publiziert; Abstand: ein vorzeichenbehafteter Abstand, langsamer, mit sauberer Oberfläche",
        "密度: 論文どおり。距離: 符号付き距離。低速ですが表面がきれいです",
        "밀도: 발표된 방식. 거리: 부호 있는 거리, 더 느리지만 표면이 깨끗합니다",
        "密度：与论文一致；距离：有符号距离，较慢，但表面更干净",
    ),
    "sds: score distillation of a density field; sjc: the method of the Zero-1-to-3 paper, with voxels": (
        "SDS: Score Distillation eines Dichtefelds; SJC: die Methode der Zero-1-to-3-Arbeit, mit Voxeln",
        "SDS: 密度場のスコア蒸留。SJC: Zero-1-to-3の論文の方式で、ボクセルを使います",
        "SDS: 밀도장의 스코어 증류. SJC: Zero-1-to-3 논문의 방법, 복셀 사용",
        "SDS：密度场的分数蒸馏；SJC：Zero-1-to-3 论文的方法，使用体素",
    ),
    "fast: one pass of SparseNeuS, in seconds; neus: a surface optimised to match every view, in minutes": (
        "Schnell: ein Durchgang von SparseNeuS, in Sekunden; NeuS: eine Oberfläche, auf jede Ansicht optimiert, "
        "in Minuten",
        "高速: SparseNeuSを1回、数秒。NeuS: すべてのビューに合うよう表面を最適化、数分",
        "빠르게: SparseNeuS 한 번, 몇 초. NeuS: 모든 뷰에 맞게 표면을 최적화, 몇 분",
        "快速：SparseNeuS 单次处理，数秒；NeuS：优化表面以匹配每个视图，数分钟",
    ),
    "lora: a small file, a third of the memory; full: trains the whole model, as published": (
        "LoRA: eine kleine Datei, ein Drittel des Speichers; Vollständig: trainiert das ganze Modell, wie publiziert",
        "LoRA: ファイルが小さく、メモリは3分の1。全体: 論文どおりモデル全体を学習します",
        "LoRA: 작은 파일, 메모리 3분의 1. 전체: 발표된 대로 모델 전체를 학습합니다",
        "LoRA：文件小，内存三分之一；完整：与论文一致，训练整个模型",
    ),
    (
        "How published weights sample the views: fast takes 20 steps; paper takes 75 noisy steps, as published. "
        "Starter weights always take one"
    ): (
        "Wie publizierte Gewichte die Ansichten erzeugen: „Schnell“ mit 20 Schritten, „Wie publiziert“ mit 75 "
        "verrauschten. Startergewichte brauchen immer einen",
        "公開された重みのビューの生成方法。高速は20ステップ、論文は論文どおりノイズ付きの75ステップです。スタータ"
        "ーの重みは常に1ステップです",
        "공개된 가중치가 뷰를 샘플링하는 방식: 빠르게는 20단계, 논문은 발표된 대로 노이즈가 있는 75단계. 스타터 "
        "가중치는 늘 한 단계",
        "已发布权重对视图的采样方式：快速为 20 步；论文为带噪声的 75 步，与论文一致。入门权重始终只用一步",
    ),
    # weights
    "The built-in starter weights, the name of another set, or a folder or checkpoint": (
        "Die eingebauten Startergewichte, der Name eines anderen Satzes oder ein Ordner oder Checkpoint",
        "内蔵のスターターの重み、別のセットの名前、またはフォルダーかチェックポイント",
        "내장된 스타터 가중치, 다른 세트의 이름, 또는 폴더나 체크포인트",
        "内置的入门权重、其他套装的名称，或文件夹或检查点",
    ),
    "The built-in starter weights, the name of another set, or a diffusers folder": (
        "Die eingebauten Startergewichte, der Name eines anderen Satzes oder ein diffusers-Ordner",
        "内蔵のスターターの重み、別のセットの名前、またはdiffusersのフォルダー",
        "내장된 스타터 가중치, 다른 세트의 이름, 또는 diffusers 폴더",
        "内置的入门权重、其他套装的名称，或 diffusers 文件夹",
    ),
    "The built-in starter weights, the name of another set, or a folder or .pt file of MVDream": (
        "Die eingebauten Startergewichte, der Name eines anderen Satzes oder ein Ordner oder eine .pt-Datei von "
        "MVDream",
        "内蔵のスターターの重み、別のセットの名前、またはMVDreamのフォルダーか.ptファイル",
        "내장된 스타터 가중치, 다른 세트의 이름, 또는 MVDream의 폴더나 .pt 파일",
        "内置的入门权重、其他套装的名称，或 MVDream 的文件夹或 .pt 文件",
    ),
    "The name of a set of weights, or a diffusers folder": (
        "Der Name eines Satzes von Gewichten oder ein diffusers-Ordner",
        "重みのセットの名前、またはdiffusersのフォルダー",
        "가중치 세트의 이름, 또는 diffusers 폴더",
        "权重套装的名称，或 diffusers 文件夹",
    ),
}
