# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where web servers look for code, what server-side code looks like, and what writes such files by trade."""

from __future__ import annotations

import re

# What lies below these may be asked for by its path below them; the longest that fits is taken.
WEB_ROOTS = (
    "/var/www/html",
    "/var/www/localhost/htdocs",
    "/var/www",
    "/usr/share/nginx/html",
    "/usr/share/nginx",
    "/usr/local/nginx/html",
    "/usr/local/apache2/htdocs",
    "/usr/local/apache2",
    "/usr/share/webapps",
    "/usr/lib/cgi-bin",
    "/usr/local/tomcat/webapps",
    "/opt/tomcat/webapps",
    "/var/lib/tomcat",
    "/var/lib/jetty/webapps",
    "/opt/jboss/wildfly/standalone/deployments",
    "/opt/bitnami",
    "/bitnami",
    "/opt/lampp/htdocs",
    "/srv",
    "/app/public",
    "/usr/src/app/public",
    "/inetpub",
)

# Where services in Python and Node keep their code: only what looks like a web shell counts there.
APP_ROOTS = ("/srv", "/app", "/code", "/opt/app", "/usr/app", "/usr/src/app", "/home/node/app", "/var/www")
APP_CODE = frozenset({"python", "node"})

# Folders whose scripts run when they are asked for, in whatever language.
SCRIPT_FOLDERS = re.compile(r"/cgi-bin/")

# Files of these kinds run on the server when they are asked for.
SERVER_CODE = frozenset({"php", "jsp", "asp"})
SCRIPT_CODE = frozenset({"python", "perl", "shell", "node"})

# Places where applications write code by themselves.
GENERATED = re.compile(
    r"/(?:__pycache__|\.?cache|caches|templates_c|twig|smarty|compiled?|compilation"
    r"|storage/framework/views|bootstrap/cache|var/(?:cache|generation)|generated|wp-content/(?:cache|upgrade|wflogs)"
    r"|work/Catalina|node_modules|vendor/composer|\.git|sess(?:ions?)?|proxies)/"
    r"|/(?:config|settings|configuration|LocalSettings|local-config|wp-config|sites/default/settings)[^/]*\.php$",
    re.IGNORECASE,
)

# Places that take files from strangers: code has no business there.
UPLOADS = re.compile(
    r"/(?:uploads?|files|images?|img|media|attachments?|avatars?|userfiles|tmp|temp)/", re.IGNORECASE
)

# Names that say nothing about the file when they stand in a log.
COMMON_NAMES = frozenset({"index.php", "index.jsp", "index.html", "login.php", "admin.php", "wp-login.php"})

# Content that runs what a request says. Patterns are matched with bounded repeats: the text is hostile.
_REQUEST = r"\$_(?:GET|POST|REQUEST|COOKIE|SERVER|FILES)|\$HTTP_(?:GET|POST)_VARS|php://input|getallheaders"
_RUNS = (
    r"system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec|eval|assert|create_function|preg_replace"
    r"|call_user_func(?:_array)?"
)
_DECODES = r"base64_decode|gzinflate|gzuncompress|str_rot13|strrev|hex2bin|convert_uudecode"
SHELL_CODE: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(rf"\b(?:{_RUNS})\s{{0,4}}\([^;]{{0,120}}(?:{_REQUEST})", re.IGNORECASE),
        "runs what a request says",
    ),
    (re.compile(rf"`[^`]{{0,120}}(?:{_REQUEST})"), "runs what a request says"),
    (
        re.compile(rf"\beval\s{{0,4}}\(\s{{0,4}}@?(?:{_DECODES})\s{{0,4}}\(", re.IGNORECASE),
        "runs code that it decodes first",
    ),
    (
        re.compile(rf"(?:{_REQUEST})[^;]{{0,40}}\]\s{{0,4}}\(", re.IGNORECASE),
        "calls a function that the request names",
    ),
    (
        re.compile(
            r"getRuntime\s{0,4}\(\s{0,4}\)\s{0,4}\.\s{0,4}exec\s{0,4}\(|new\s{1,4}ProcessBuilder\s{0,4}\(",
            re.IGNORECASE,
        ),
        "starts programs from a page",
    ),
    (
        re.compile(
            r"(?:Execute|Eval)(?:Global)?\s{0,4}\(?\s{0,4}Request|WScript\.Shell|Process\.Start\s{0,4}\("
            r"|new\s{1,4}ProcessStartInfo\b|cmd(?:\.exe)?[\s\"']{1,4}/c\b|Assembly\.Load\s{0,4}\([^;]{0,120}Request",
            re.IGNORECASE,
        ),
        "starts programs from a page",
    ),
    (
        re.compile(
            r"\b(?:c99|r57|b374k|wso_version|weevely|FilesMan|indoxploit|antSword|godzilla|behinder)\b",
            re.IGNORECASE,
        ),
        "carries the name of a known web shell",
    ),
    (
        re.compile(
            r"defineClass\s{0,4}\([^;]{0,120}(?:getParameter|getReader|doFinal|decode)", re.IGNORECASE
        ),
        "loads code from a request",
    ),
)
# The same in the languages of services: what reads a request, what runs it, and both in one breath.
_PYTHON_REQUEST = (
    r"request\.(?:args|form|values|json|GET|POST|query|params|data|cookies|headers|query_params)|QUERY_STRING|FieldStorage"
    r"|getvalue\s{0,4}\(|parse_qs|get_json|environ\[.HTTP_|get_argument\s{0,4}\("
)
_PYTHON_RUNS = (
    r"os\.(?:popen|system|exec[lv]p?e?|spawn\w{0,4})|subprocess\.(?:run|Popen|call|check_output|check_call|getoutput"
    r"|getstatusoutput)|\b(?:eval|exec|__import__)"
)
_NODE_REQUEST = (
    r"\b(?:req|request|ctx|context|r|this)\.(?:query|body|params|headers|cookies|url|request)\b|searchParams"
    r"|url\.parse|querystring"
)
_NODE_RUNS = r"\b(?:exec|execSync|execFile|execFileSync|spawn|spawnSync|eval|Function|runInNewContext|runInThisContext)"
_PERL_REQUEST = r"QUERY_STRING|\bparam\s{0,4}\(|HTTP_[A-Z_]{2,30}|CONTENT_LENGTH"
_PERL_RUNS = r"\b(?:system|exec|eval|open|qx|readpipe|syswrite)\b|`[^`\n]{0,120}\$"
SCRIPT_SHELLS: dict[str, tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]] = {
    "python": (
        re.compile(rf"(?:{_PYTHON_RUNS})\s{{0,4}}\([^\n]{{0,160}}(?:{_PYTHON_REQUEST})"),
        re.compile(rf"(?:{_PYTHON_RUNS})\s{{0,4}}\("),
        re.compile(_PYTHON_REQUEST),
    ),
    "node": (
        re.compile(rf"(?:{_NODE_RUNS})\s{{0,4}}\([^\n]{{0,160}}(?:{_NODE_REQUEST})"),
        re.compile(r"child_process|\beval\s{0,4}\(|runIn(?:New|This)Context"),
        re.compile(_NODE_REQUEST),
    ),
    "perl": (
        re.compile(rf"(?:{_PERL_RUNS})[^\n;]{{0,160}}(?:{_PERL_REQUEST})"),
        re.compile(_PERL_RUNS),
        re.compile(_PERL_REQUEST),
    ),
    "shell": (
        re.compile(r"\beval\b[^\n]{0,120}QUERY_STRING|\b(?:ba|da)?sh\s{1,4}-c[^\n]{0,120}QUERY_STRING"),
        re.compile(r"\beval\b|\b(?:ba|da)?sh\s{1,4}-c"),
        re.compile(r"QUERY_STRING"),
    ),
}
# Two halves that together run what a request says, where they stand apart.
RUNS_SOMETHING = re.compile(
    r"\b(?:system|shell_exec|passthru|popen|proc_open|pcntl_exec)\s{0,4}\(|\bexec\s{0,4}\(", re.IGNORECASE
)
READS_REQUEST = re.compile(_REQUEST + r"|request\.getParameter", re.IGNORECASE)
# A variable that holds what a request says; running it is the same as running the request.
TAKEN_FROM_REQUEST = re.compile(rf"\$(\w{{1,40}})\s{{0,4}}=[^;$]{{0,60}}(?:{_REQUEST})", re.IGNORECASE)
RUNS_A_VARIABLE = re.compile(rf"\b(?:{_RUNS})\s{{0,4}}\(\s{{0,4}}[\"'@]{{0,2}}\$(\w{{1,40}})", re.IGNORECASE)
