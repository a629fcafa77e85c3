# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels in other languages, for Blender's own translation. Each entry has one text for each of LANGUAGES; labels that
are not listed stay English. Tooltips have a file of their own."""

import bpy

LANGUAGES = ("de_DE", "ja_JP", "ko_KR", "zh_HANS")
CONTEXTS = ("*", "Operator")  # of labels of panels and properties, and of buttons
WORDS = {
    "Settings": ("Einstellungen", "設定", "설정", "设置"),
    "Results": ("Ergebnisse", "結果", "결과", "结果"),
    "History": ("Verlauf", "履歴", "기록", "历史"),
    "Presets": ("Vorgaben", "プリセット", "프리셋", "预设"),
    "Novel View": ("Neue Ansicht", "新しい視点", "새 시점", "新视角"),
    "View Rig": ("Kamerakreis", "カメラリグ", "카메라 리그", "相机阵列"),
    "Views to Mesh": ("Ansichten zu Mesh", "ビューからメッシュ", "뷰에서 메시로", "视图转网格"),
    "Render Views": ("Ansichten rendern", "ビューをレンダー", "뷰 렌더", "渲染视图"),
    "Views of a Prompt": ("Ansichten eines Prompts", "プロンプトのビュー", "프롬프트의 뷰", "提示词的视图"),
    "Learn a Subject": ("Objekt lernen", "被写体を学習", "대상 학습", "学习主体"),
    "Refine in Place": ("Weiter verfeinern", "その場で改良", "제자리 다듬기", "就地优化"),
    "Fit to Scene": ("In Szene einpassen", "シーンに合わせる", "씬에 맞추기", "适配场景"),
    "Fit Selected": ("Auswahl einpassen", "選択を合わせる", "선택 맞추기", "适配所选"),
    "Match Camera": ("Kamera angleichen", "カメラを合わせる", "카메라 맞추기", "匹配相机"),
    "Ready to Use": ("Fertigmachen", "仕上げ", "마무리", "收尾"),
    "Decimate": ("Vereinfachen", "面を削減", "데시메이트", "精简"),
    "Quad Remesh": ("Vierecke", "四角形リメッシュ", "쿼드 리메시", "四边形重构"),
    "Smooth by Angle": ("Nach Winkel glätten", "角度でスムーズ", "각도로 스무스", "按角度平滑"),
    "Mark as Asset": ("Als Asset markieren", "アセットに設定", "애셋으로 표시", "标记为资产"),
    "Normal Map": ("Normal-Map", "ノーマルマップ", "노멀 맵", "法线贴图"),
    "Map Size": ("Bildgröße", "マップのサイズ", "맵 크기", "贴图尺寸"),
    "From Denser Mesh": ("Vom dichteren Mesh", "高密度メッシュから", "조밀한 메시에서", "取自更密的网格"),
    "Vertex Group": ("Vertexgruppe", "頂点グループ", "버텍스 그룹", "顶点组"),
    "Place": ("Ort", "配置", "위치", "放置"),
    "Height": ("Höhe", "高さ", "높이", "高度"),
    "Faces": ("Flächen", "面数", "면", "面数"),
    "Angle": ("Winkel", "角度", "각도", "角度"),
    "Images to Meshes": ("Bilder zu Meshes", "画像からメッシュ (複数)", "여러 이미지를 메시로", "多图转网格"),
    "Add to Queue": ("In die Warteschlange", "キューに追加", "대기열에 추가", "加入队列"),
    "Cancel": ("Abbrechen", "キャンセル", "취소", "取消"),
    "Stop and Keep": ("Anhalten und behalten", "停止して保持", "중지하고 유지", "停止并保留"),
    "Resume Job": ("Auftrag fortsetzen", "ジョブを再開", "작업 재개", "继续任务"),
    "Cancel All": ("Alle abbrechen", "すべてキャンセル", "모두 취소", "全部取消"),
    "Dismiss": ("Ausblenden", "閉じる", "닫기", "关闭"),
    "Again": ("Noch einmal", "もう一度", "다시", "再来一次"),
    "Another Seed": ("Anderer Startwert", "別のシード", "다른 시드", "换个种子"),
    "Restore Version": ("Version wiederherstellen", "バージョンを復元", "버전 복원", "恢复此版本"),
    "Compare": ("Vergleichen", "比較", "비교", "比较"),
    "Delete Version": ("Version löschen", "バージョンを削除", "버전 삭제", "删除版本"),
    "Make Image": ("Bild erzeugen", "画像を生成", "이미지 만들기", "生成图像"),
    "Paste Image": ("Bild einfügen", "画像を貼り付け", "이미지 붙여넣기", "粘贴图像"),
    "Import Finished Job": (
        "Fertigen Auftrag importieren",
        "完了したジョブを読み込む",
        "완료된 작업 가져오기",
        "导入已完成的任务",
    ),
    "Free Memory": ("Speicher freigeben", "メモリを解放", "메모리 비우기", "释放内存"),
    "Show Log": ("Protokoll zeigen", "ログを表示", "로그 보기", "显示日志"),
    "Log": ("Protokoll", "ログ", "로그", "日志"),
    "Copy Report": ("Bericht kopieren", "レポートをコピー", "보고서 복사", "复制报告"),
    "Set Up Backend": ("Backend einrichten", "バックエンドを設定", "백엔드 설치", "安装后端"),
    "Remove Backend": ("Backend entfernen", "バックエンドを削除", "백엔드 제거", "移除后端"),
    "Repair Backend": ("Backend reparieren", "バックエンドを修復", "백엔드 복구", "修复后端"),
    "Download": ("Herunterladen", "ダウンロード", "다운로드", "下载"),
    "Preferences": ("Voreinstellungen", "プリファレンス", "환경 설정", "偏好设置"),
    "Image": ("Bild", "画像", "이미지", "图像"),
    "Image File": ("Bilddatei", "画像ファイル", "이미지 파일", "图像文件"),
    "Prompt": ("Prompt", "プロンプト", "프롬프트", "提示词"),
    "Seed": ("Startwert", "シード", "시드", "种子"),
    "Engine": ("Verfahren", "エンジン", "엔진", "引擎"),
    "Source": ("Quelle", "ソース", "소스", "来源"),
    "Device": ("Gerät", "デバイス", "장치", "设备"),
    "Weights": ("Gewichte", "重み", "가중치", "权重"),
    "Estimate Elevation": ("Blickhöhe schätzen", "仰角を推定", "고도 추정", "估计仰角"),
    "Elevation": ("Blickhöhe", "仰角", "고도", "仰角"),
    "Depth": ("Tiefe", "奥行き", "깊이", "深度"),
    "Match Picture": ("An Bild anpassen", "画像に合わせる", "이미지에 맞추기", "匹配图像"),
    "Remove Background": ("Hintergrund entfernen", "背景を除去", "배경 제거", "去除背景"),
    "Quality": ("Qualität", "品質", "품질", "质量"),
    "Steps": ("Schritte", "ステップ数", "단계", "步数"),
    "Guidance": ("Führung", "ガイダンス", "가이던스", "引导强度"),
    "Mesh Resolution": ("Mesh-Auflösung", "メッシュ解像度", "메시 해상도", "网格分辨率"),
    "Maximum Faces": ("Höchstzahl Flächen", "最大面数", "최대 면 수", "最大面数"),
    "Texture": ("Textur", "テクスチャ", "텍스처", "纹理"),
    "Method": ("Methode", "方式", "방법", "方法"),
    "Start": ("Beginn", "開始", "시작", "起点"),
    "Time": ("Zeit", "時間", "시간", "时间"),
    "Avoid": ("Vermeiden", "避けるもの", "피할 것", "避免"),
    "Threshold": ("Schwellwert", "しきい値", "임계값", "阈值"),
    "Fast": ("Schnell", "高速", "빠르게", "快速"),
    "Balanced": ("Ausgewogen", "バランス", "균형", "均衡"),
    "Best": ("Am besten", "最高", "최상", "最佳"),
}


def table() -> dict[str, dict[tuple[str, str], str]]:
    """Translations by language, by (context, English text), as Blender takes them."""
    return {
        language: {(context, word): words[i] for word, words in WORDS.items() for context in CONTEXTS}
        for i, language in enumerate(LANGUAGES)
    }


def register() -> None:
    bpy.app.translations.register(__package__, table())


def unregister() -> None:
    bpy.app.translations.unregister(__package__)
