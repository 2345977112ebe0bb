# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is looked for in logs when nothing is asked for: regular expressions, without regard to case.

They gather lines for the analysis on the controller, which decides; so they would rather take one too many.
"""

from __future__ import annotations

# Whoever writes to a log chooses the text, so none may take more than linear time: no repetition without a small
# bound, and none within another.
_OPENING = r"(?:\{|%7b|\\u007b|\\x7b|&#123;|&#x7b;)"
_ENCODED_OPENING = r"(?:%7b|\\u007b|\\x7b|&#123;|&#x7b;)"
_ENCODED_DOLLAR = r"(?:%24|\\u0024|\\x24|&#36;|&#x24;)"
_LOOKUPS = r"(?:jndi|lower|upper|env|sys|java|main|ctx|date|base64|hostname|docker|k8s|::-|\$\{)"

PATTERNS = (
    # A JNDI lookup, plain, with its letters nested in lookups of their own, or encoded.
    r"\$\{jndi:",
    rf"\$\{{\s?{_LOOKUPS}",
    rf"{_ENCODED_DOLLAR}{_OPENING}|\${_ENCODED_OPENING}",
    r"\b(?:ldaps?|rmi|iiop|corba)://",
    # Commands handed to a web shell, or through one.
    r"[?&;](?:cmd|exec|command|execute|shell|c|ping|query|code)=",
    r"\b(?:wget|curl|fetch)\b[^|;&]{0,300}[|;&]+\s*(?:sudo\s+)?(?:ba|da|z|k)?sh\b",
    r"\bbase64\s+(?:-d|-D|--decode)",
    r"/dev/(?:tcp|udp)/",
    r"\b(?:nc|ncat|netcat)\b[^\n]{0,80}\s-(?:e|c)\b",
    r"/etc/(?:passwd|shadow)",
    r"(?:\.\./|\.\.%2f|%2e%2e/|%2e%2e%2f){2,}",
    # SQL injection, PHP wrappers and template or expression injection.
    r"\bunion(?:\s|\+|%20|/\*.*?\*/)+(?:all(?:\s|\+|%20)+)?select\b",
    r"\b(?:php|data|expect|phar|zip)://(?:filter|input|text|id|/)",
    r"\b(?:eval|assert|system|passthru|shell_exec|popen|proc_open)\s*(?:\(|%28)",
    r"<\?(?:php|=)|%3c%3f(?:php|=)",
    r"\bclass\.module\.classloader\b",
    r"#(?:_memberaccess|context|cmd)\b|%\{\(#",
    r"\(\)\s*\{\s*:\s*;?\s*\}\s*;",
    # Miners and their pools.
    r"\bstratum\+(?:tcp|ssl|tls)://|\bxmrig\b|\bkdevtmpfsi\b|\bkinsing\b",
)
