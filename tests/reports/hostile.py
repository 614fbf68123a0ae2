"""Names that break a report which does not escape them."""

_BASE = [
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</td></table><style>*{display:none}</style>"),
    *("&lt;b&gt; &amp; &#60;", "-->", "]]>", "{{ 7 * 7 }} {% raw %}"),
    *("\\input{/etc/passwd}", "\\write18{ls}", "\\\\[5pt] \\hline", "[5pt]", "*", "50 % & #1 $x_1^2$ ~ {a} _b_"),
    *("\\end{document}", "$\\frac{1}{0}$"),
    *("a | b | c", "| --- |", "**bold** _it_ `code` ~~gone~~", "[link](javascript:alert(1))"),
    *("![x](http://example.com/x.png)", "<https://example.com>", "https://example.com www.example.com", "# heading"),
    *("a\nb\r\nc\td", "a\u2028b\u2029c"),
    *("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1+1", "'=1+1", 'say "yes", twice'),
    *("null\0byte \x1b[31m", "\ud800 lone surrogate", "\uffff", "\u202egnp.exe\u202c"),
    *("naïve Straße ŁÓDŹ 日本語 💶 − ± – ’ ''--,,", "\\", "x" * 300),
]

HOSTILE = _BASE + [f"plain {text}" for text in _BASE] + [f"{text} plain" for text in _BASE]
