# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF001, Chinese has commas of its own
"""Tooltips of the preferences."""

ROWS = {
    # preferences
    "Build of PyTorch to install": (
        "PyTorch-Version, die installiert wird",
        "インストールするPyTorchのビルド",
        "설치할 PyTorch 빌드",
        "要安装的 PyTorch 版本",
    ),
    "Detect the graphics card": (
        "Die Grafikkarte erkennen",
        "グラフィックカードを検出します",
        "그래픽 카드를 감지합니다",
        "检测显卡",
    ),
    "Works everywhere, slowly. The smallest download": (
        "Läuft überall, langsam. Der kleinste Download",
        "どこでも動きますが低速です。ダウンロードは最小です",
        "어디서나 느리게 작동합니다. 다운로드가 가장 작습니다",
        "随处可用，但较慢。下载量最小",
    ),
    "CUDA; needs an NVIDIA driver, and no CUDA toolkit": (
        "CUDA; braucht einen NVIDIA-Treiber, aber kein CUDA-Toolkit",
        "CUDA。NVIDIAドライバーが必要です。CUDAツールキットは不要です",
        "CUDA. NVIDIA 드라이버가 필요하며 CUDA 툴킷은 필요 없습니다",
        "CUDA；需要 NVIDIA 驱动，不需要 CUDA 工具包",
    ),
    "ROCm, for AMD cards on Linux": (
        "ROCm, für AMD-Karten unter Linux",
        "ROCm。LinuxのAMDカード用です",
        "ROCm, Linux의 AMD 카드용",
        "ROCm，用于 Linux 上的 AMD 显卡",
    ),
    "For Macs with Apple's own chips": (
        "Für Macs mit Apples eigenen Chips",
        "Apple製チップのMac用です",
        "Apple 자체 칩을 쓰는 Mac용",
        "用于采用 Apple 自研芯片的 Mac",
    ),
    "Folder of the environment, results and logs. Empty: the usual place on this system": (
        "Ordner der Umgebung, der Ergebnisse und Protokolle. Leer: der übliche Ort auf diesem System",
        "環境、結果、ログのフォルダー。空欄: このシステムの標準の場所",
        "환경, 결과, 로그의 폴더. 비우면 이 시스템의 기본 위치",
        "环境、结果和日志的文件夹。留空：此系统的默认位置",
    ),
    "Folder of downloaded weights and of your own copies. Empty: in the data folder": (
        "Ordner der heruntergeladenen Gewichte und eigener Kopien. Leer: im Datenordner",
        "ダウンロードした重みと自分のコピーのフォルダー。空欄: データフォルダー内",
        "다운로드한 가중치와 직접 둔 사본의 폴더. 비우면 데이터 폴더 안",
        "已下载权重和自备副本的文件夹。留空：位于数据文件夹中",
    ),
    "Your own Python with PyTorch and the other packages, instead of Set Up Backend": (
        "Eigenes Python mit PyTorch und den anderen Paketen, statt „Backend einrichten“",
        "「バックエンドを設定」の代わりに使う、PyTorchなどのパッケージが入った独自のPython",
        "‘백엔드 설치’ 대신 쓸, PyTorch와 다른 패키지가 있는 자신의 Python",
        "自备的 Python，含 PyTorch 和其他软件包，用来代替“安装后端”",
    ),
    "Device that the engines run on": (
        "Gerät, auf dem die Verfahren rechnen",
        "エンジンが動作するデバイス",
        "엔진이 실행되는 장치",
        "运行引擎的设备",
    ),
    "The graphics card if there is one, else the processor": (
        "Die Grafikkarte, wenn es eine gibt, sonst der Prozessor",
        "グラフィックカードがあればそれを、なければプロセッサーを使います",
        "그래픽 카드가 있으면 그것을, 없으면 프로세서를 씁니다",
        "有显卡时用显卡，否则用处理器",
    ),
    "Works everywhere, slowly": (
        "Läuft überall, langsam",
        "どこでも動きますが低速です",
        "어디서나 느리게 작동합니다",
        "随处可用，但较慢",
    ),
    "A graphics card with CUDA or ROCm": (
        "Eine Grafikkarte mit CUDA oder ROCm",
        "CUDAまたはROCm対応のグラフィックカード",
        "CUDA나 ROCm을 쓰는 그래픽 카드",
        "支持 CUDA 或 ROCm 的显卡",
    ),
    "The graphics processor of Apple silicon": (
        "Der Grafikprozessor von Apple Silicon",
        "AppleシリコンのGPU",
        "Apple 실리콘의 그래픽 프로세서",
        "Apple 芯片的图形处理器",
    ),
    "Show the colors of new meshes instead of grey in Solid mode": (
        "Zeigt im Solid-Modus die Farben neuer Meshes statt Grau",
        "ソリッドモードで、新しいメッシュを灰色でなく色付きで表示します",
        "솔리드 모드에서 새 메시를 회색 대신 색으로 보여 줍니다",
        "在实体模式下显示新网格的颜色，而不是灰色",
    ),
    "Move 3D Views to a new mesh, unless you have turned them or chosen another object meanwhile": (
        "Richtet 3D-Ansichten auf ein neues Mesh, außer wenn sie gedreht oder ein anderes Objekt gewählt wurde",
        "新しいメッシュに3Dビューを合わせます。その間にビューを回したり別の物体を選んだ場合は除きます",
        "새 메시로 3D 뷰를 옮깁니다. 그사이 뷰를 돌리거나 다른 물체를 골랐으면 그대로 둡니다",
        "将 3D 视图移至新网格，除非期间您转动了视图或选择了其他物体",
    ),
    "Stop here. Finished parts are kept, and the same button resumes": (
        "Hält hier an. Fertige Teile bleiben, und derselbe Knopf setzt fort",
        "ここで止めます。完了した部分は残り、同じボタンで再開できます",
        "여기서 멈춥니다. 끝난 부분은 유지되며 같은 버튼으로 이어서 합니다",
        "在此停止。已完成的部分会保留，用同一按钮可继续",
    ),
    "Delete the backend's environment from the disk. Finished meshes stay": (
        "Löscht die Umgebung des Backends von der Platte. Fertige Meshes bleiben",
        "バックエンドの環境をディスクから削除します。完成したメッシュは残ります",
        "백엔드의 환경을 디스크에서 삭제합니다. 완성된 메시는 남습니다",
        "从磁盘删除后端的环境。已完成的网格会保留",
    ),
    (
        "Delete the folders of imported jobs, and of jobs that ended without a result more than a day ago. "
        "Meshes in your files stay, and so do results that are not imported yet"
    ): (
        "Löscht die Ordner importierter Aufträge und solcher, die vor mehr als einem Tag ohne Ergebnis endeten. "
        "Meshes in Ihren Dateien bleiben, ebenso noch nicht importierte Ergebnisse",
        "読み込み済みのジョブと、1日以上前に結果なしで終わったジョブのフォルダーを削除します。ファイル内のメッシ"
        "ュと、まだ読み込んでいない結果は残ります",
        "가져온 작업과, 하루보다 전에 결과 없이 끝난 작업의 폴더를 삭제합니다. 파일 속 메시와 아직 가져오지 않은 "
        "결과는 남습니다",
        "删除已导入任务的文件夹，以及一天多以前无结果结束的任务的文件夹。文件中的网格和尚未导入的结果会保留",
    ),
    "Measure the size of the folders": (
        "Misst die Größe der Ordner",
        "フォルダーのサイズを計測します",
        "폴더의 크기를 잽니다",
        "统计文件夹的大小",
    ),
    "Check that the interpreter has all packages that the backend needs": (
        "Prüft, ob der Interpreter alle Pakete hat, die das Backend braucht",
        "バックエンドに必要なパッケージがインタープリターにすべてあるかを確認します",
        "백엔드에 필요한 패키지가 인터프리터에 모두 있는지 확인합니다",
        "检查解释器是否具备后端所需的全部软件包",
    ),
    "Open the data folder in the system's file browser": (
        "Öffnet den Datenordner im Dateimanager des Systems",
        "データフォルダーをシステムのファイルブラウザーで開きます",
        "데이터 폴더를 시스템의 파일 브라우저에서 엽니다",
        "在系统的文件浏览器中打开数据文件夹",
    ),
    "Open this extension's preferences": (
        "Öffnet die Voreinstellungen dieser Erweiterung",
        "このエクステンションのプリファレンスを開きます",
        "이 확장의 환경 설정을 엽니다",
        "打开此扩展的偏好设置",
    ),
    "Check all files of these weights against their checksums": (
        "Prüft alle Dateien dieser Gewichte anhand ihrer Prüfsummen",
        "この重みの全ファイルをチェックサムで検証します",
        "이 가중치의 모든 파일을 체크섬으로 검증합니다",
        "用校验和检查这些权重的所有文件",
    ),
    "Convert these weights to half precision: a sixth of the size, and faster to load": (
        "Wandelt diese Gewichte in halbe Genauigkeit um: ein Sechstel der Größe, schneller geladen",
        "この重みを半精度に変換します。サイズは6分の1になり、読み込みも速くなります",
        "이 가중치를 반정밀도로 변환합니다. 크기가 6분의 1이 되고 더 빨리 불러옵니다",
        "将这些权重转换为半精度：大小为六分之一，加载更快",
    ),
    "Keep only the converted weights. Copies in other folders stay": (
        "Behält nur die umgewandelten Gewichte. Kopien in anderen Ordnern bleiben",
        "変換後の重みだけを残します。他のフォルダーのコピーは残ります",
        "변환한 가중치만 유지합니다. 다른 폴더의 사본은 남습니다",
        "仅保留转换后的权重。其他文件夹中的副本会保留",
    ),
    "Delete these weights from the disk. Copies in other folders stay": (
        "Löscht diese Gewichte von der Platte. Kopien in anderen Ordnern bleiben",
        "この重みをディスクから削除します。他のフォルダーのコピーは残ります",
        "이 가중치를 디스크에서 삭제합니다. 다른 폴더의 사본은 남습니다",
        "从磁盘删除这些权重。其他文件夹中的副本会保留",
    ),
    "Open the folder of these weights in the system's file browser": (
        "Öffnet den Ordner dieser Gewichte im Dateimanager des Systems",
        "この重みのフォルダーをシステムのファイルブラウザーで開きます",
        "이 가중치의 폴더를 시스템의 파일 브라우저에서 엽니다",
        "在系统的文件浏览器中打开这些权重的文件夹",
    ),
    "First accept the licence on the publisher's page and log in (hf auth login)": (
        "Erst die Lizenz auf der Seite des Herausgebers annehmen und sich anmelden (hf auth login)",
        "先に公開元のページでライセンスに同意し、ログインしてください (hf auth login)",
        "먼저 배포자의 페이지에서 라이선스에 동의하고 로그인하세요 (hf auth login)",
        "请先在发布者的页面接受许可协议并登录（hf auth login）",
    ),
    "Create the backend's own Python environment in the data folder. Downloads PyTorch and other packages once": (
        "Macht im Datenordner eine eigene Python-Umgebung für das Backend. Lädt PyTorch und andere Pakete einmal "
        "herunter",
        "データフォルダーにバックエンド専用のPython環境を作ります。PyTorchなどのパッケージを一度だけダウンロードします",
        "데이터 폴더에 백엔드 전용 Python 환경을 만듭니다. PyTorch와 다른 패키지를 한 번 다운로드합니다",
        "在数据文件夹中为后端创建独立的 Python 环境。只需下载一次 PyTorch 等软件包",
    ),
    "Background kept.": ("Hintergrund behalten.", "背景を残しました。", "배경을 유지했습니다.", "已保留背景。"),
    "Transparency used.": (
        "Transparenz verwendet.",
        "透明部分を使いました。",
        "투명도를 사용했습니다.",
        "已使用透明度。",
    ),
    "Background removed by a trained network.": (
        "Mit einem trainierten Netz freigestellt.",
        "学習済みネットワークで背景を除去しました。",
        "학습된 신경망으로 배경을 제거했습니다.",
        "已用训练好的网络去除背景。",
    ),
    "Cut out by a network. Background not plain: check the outline.": (
        "Von einem Netz freigestellt. Hintergrund ungleichmäßig: Umriss prüfen.",
        "ネットワークで切り抜きました。背景が一様ではありません: 輪郭を確認してください。",
        "신경망으로 오려 냈습니다. 배경이 고르지 않습니다: 윤곽을 확인하세요.",
        "已用网络抠图。背景不均匀：请检查轮廓。",
    ),
    "Background removed by Segment Anything.": (
        "Mit Segment Anything freigestellt.",
        "Segment Anythingで背景を除去しました。",
        "Segment Anything으로 배경을 제거했습니다.",
        "已用 Segment Anything 去除背景。",
    ),
    "Background removed by its color.": (
        "Nach der Hintergrundfarbe freigestellt.",
        "背景色で切り抜きました。",
        "배경색으로 오려냈습니다.",
        "已按背景颜色抠图。",
    ),
    "Background removed by its color. It is not plain: check the outline.": (
        "Nach der Hintergrundfarbe freigestellt, die uneben ist: Umriss prüfen.",
        "背景色で切り抜きましたが、背景が一様ではありません。輪郭を確認してください。",
        "배경색으로 오려냈지만 배경이 고르지 않습니다. 윤곽을 확인하세요.",
        "已按背景颜色抠图，但背景不均匀：请检查轮廓。",
    ),
    "Background removed by its color: the cut-out network is damaged. Press Repair Backend in the preferences.": (
        "Nach der Hintergrundfarbe freigestellt: Das Netz zum Freistellen ist beschädigt. In den Voreinstellungen "
        "„Backend reparieren“ drücken.",
        "背景色で切り抜きました。切り抜き用ネットワークが壊れています。プリファレンスで「バックエンドを修復」を押してください。",
        "배경색으로 오려냈습니다. 오려내기 신경망이 손상되었습니다. 환경 설정에서 ‘백엔드 복구’를 누르세요.",
        "已按背景颜色抠图：抠图网络已损坏。请在偏好设置中点击“修复后端”。",
    ),
    "A soft shadow was left out.": (
        "Ein weicher Schatten wurde weggelassen.",
        "柔らかい影を取り除きました。",
        "부드러운 그림자를 제외했습니다.",
        "已去掉柔和的阴影。",
    ),
    "The object is half transparent; it was taken as solid.": (
        "Das Objekt ist halb durchsichtig; es wurde als massiv behandelt.",
        "オブジェクトが半透明なので、不透明なものとして扱いました。",
        "오브젝트가 반투명하여 불투명한 것으로 처리했습니다.",
        "物体是半透明的，已按实心物体处理。",
    ),
    "A spot of the background's color was taken as a hole.": (
        "Ein Fleck in der Hintergrundfarbe wurde als Loch behandelt.",
        "背景と同じ色の部分を穴として扱いました。",
        "배경과 같은 색의 부분을 구멍으로 처리했습니다.",
        "与背景同色的一处被当作孔洞。",
    ),
    "The color profile in the image cannot be used; it was ignored.": (
        "Das Farbprofil im Bild ist unbrauchbar und wurde ignoriert.",
        "画像のカラープロファイルは使えないため、無視しました。",
        "이미지의 색상 프로필을 사용할 수 없어 무시했습니다.",
        "图像中的颜色配置文件无法使用，已忽略。",
    ),
    "The image has a high dynamic range; what is brighter than white was clipped.": (
        "Das Bild hat einen hohen Dynamikumfang; was heller als Weiß ist, wurde abgeschnitten.",
        "ハイダイナミックレンジの画像です。白より明るい部分は切り捨てました。",
        "하이 다이내믹 레인지 이미지입니다. 흰색보다 밝은 부분은 잘라냈습니다.",
        "图像为高动态范围，比白色更亮的部分已截断。",
    ),
    "The image has several frames or pages; the first one was used.": (
        "Das Bild hat mehrere Einzelbilder oder Seiten; das erste wurde verwendet.",
        "画像に複数のフレームまたはページがあるため、最初のものを使いました。",
        "이미지에 프레임이나 페이지가 여러 개 있어 첫 번째 것을 사용했습니다.",
        "图像有多帧或多页，已使用第一个。",
    ),
    "The image's fourth channel was taken as its transparency.": (
        "Der vierte Kanal des Bildes wurde als Transparenz verwendet.",
        "画像の4番目のチャンネルを透明度として扱いました。",
        "이미지의 네 번째 채널을 투명도로 처리했습니다.",
        "图像的第四通道被当作透明度。",
    ),
    "The image has values above 1, which were clipped.": (
        "Das Bild hat Werte über 1, die abgeschnitten wurden.",
        "画像に1を超える値があるため、切り捨てました。",
        "이미지에 1보다 큰 값이 있어 잘라냈습니다.",
        "图像有大于 1 的值，已截断。",
    ),
}
