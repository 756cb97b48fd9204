"""The contract of ports.transcripts.LineLog."""

from bridge.ports.transcripts import LineLog


class LineLogContract:
    """Subclass it in a test module with a fixture `lines` that gives an empty log."""

    def test_an_empty_log_has_no_last_line(self, lines: LineLog) -> None:
        assert lines.last() is None

    def test_the_last_line_is_the_one_appended_last(self, lines: LineLog) -> None:
        for line in ("one", "two", "세 번째"):
            lines.append(line)
            assert lines.last() == line

    def test_an_empty_line_is_a_line(self, lines: LineLog) -> None:
        lines.append("one")
        lines.append("")
        assert lines.last() == ""
