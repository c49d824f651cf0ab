from pathlib import Path

import pytest
from inpainting.core.errors import InputError
from inpainting.core.tables import read_written_table

TEXT = "name\tvideo\tmask\nbär\tclips/b.mp4\tm, n.png\n"
ROWS = [{"name": "bär", "video": "clips/b.mp4", "mask": "m, n.png", "group": ""}]

FORMS = {
    "tabs": TEXT.encode(),
    "byte order mark": TEXT.encode("utf-8-sig"),
    "UTF-16": TEXT.encode("utf-16"),
    "commas": b'name,video,mask\nb\xc3\xa4r,clips/b.mp4,"m, n.png"\n',
    "semicolons": 'Name;Video;Mask;\nbär;clips/b.mp4;"m, n.png";\n;;;\n'.encode(),
    "Excel's first line": ("sep=;\n" + TEXT.replace("\t", ";")).encode(),
    "Windows": TEXT.replace("\n", "\r\n").encode(),
    "blanks": b"video \t name\tmask\nclips/b.mp4\t b\xc3\xa4r\tm, n.png\n\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_read_in_every_form_that_editors_and_spreadsheets_write(tmp_path: Path, form: str) -> None:
    (tmp_path / "table").write_bytes(FORMS[form])
    assert read_written_table(tmp_path / "table", ("name", "video"), ("mask", "group")) == ROWS


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "has the columns of an empty file"),
        (b"name;clip\n", "has the columns name, clip, separated by semicolons; its first line should name name, video"),
        (b"name\tvideo\tvideo\n", "has the columns name, video, video"),
        (b"name,video\na,b,c\n", "line 2: there are 3 cells for 2 columns"),
        (b"name\tvideo\nb\xe4r\tb.mp4\n", "is not UTF-8 text; save it as UTF-8"),
        (b"PK\x03\x04...", "is a spreadsheet's own format"),
    ],
)
def test_what_is_no_such_table_is_refused_in_one_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    (tmp_path / "table").write_bytes(data)
    with pytest.raises(InputError, match=sentence):
        read_written_table(tmp_path / "table", ("name", "video"), ("mask", "group"))
