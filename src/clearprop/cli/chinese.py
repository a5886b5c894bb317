"""What other rooms refuse in English, in Chinese: one catalogue, a template a sentence.

A sentence is found by the template that it was made from; what stood in its places (names, values)
stands in the Chinese one too, and a place called hint, which holds a sentence of its own, is looked
up again. ``derive`` and ``notation`` speak so with ``--language zh``; their own refusals come in
both languages (`clearprop.derivation.wording.refusals`). Proved by ``tests/test_cli_chinese.py``,
which makes the mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

__all__ = ["asked", "chinese"]

TEMPLATES: tuple[tuple[str, str], ...] = (
    # -- hints
    ("did you mean {near}?", "是否指 {near}？"),
    ("there are {names} and {count} more", "可用的有 {names}，另有 {count} 个"),
    ("there are {names}", "可用的有 {names}"),
    ("there are none", "没有可用的名称"),
    # -- networks
    (
        "the NETWORK is empty: give a chain such as 2-3-2, a JSON or a model file",
        "NETWORK 是空的：请给出 2-3-2 这样的链、JSON 文件或模型文件",
    ),
    (
        "{given} is no network: give a chain such as 2-3-2, a JSON file or a model file",
        "{given} 不是网络：请给出 2-3-2 这样的链、JSON 文件或模型文件",
    ),
    ("a chain is written like 2-3-2, got {given}", "链应写成 2-3-2 这样，而不是 {given}"),
    (
        "the sizes of a chain are whole numbers of 1 or more, got {given}",
        "链中各层的大小应是 1 以上的整数，而不是 {given}",
    ),
    ("a layer has at most {most} units, got {given}", "一层至多 {most} 个单元，而不是 {given}"),
    (
        "the network has {count} parameters; no memory holds them",
        "网络有 {count} 个参数；没有内存放得下",
    ),
    (
        "the network has {count} parameters, and {hint_what} takes {size} GB, more than "
        "{hint_room}: take fewer or smaller layers",
        "网络有 {count} 个参数，需要 {size} GB 内存，超出可用内存：请减少层数或缩小各层",
    ),
    (
        "{cost} needs the output function {link} (or identity, which then becomes it), got "
        "{given}; set output={fix} or another cost",
        "{cost} 需要输出函数 {link}（或 identity，它会变成 {link}），而不是 {given}；"
        "请设 output={fix}，或换一个代价函数",
    ),
    ("there is no function {given}; {hint}", "没有函数 {given}；{hint}"),
    ("there is no cost {given}; {hint}", "没有代价函数 {given}；{hint}"),
    ("there is no setting {given}; {hint}", "没有设置 {given}；{hint}"),
    (
        "{name} must be one of {names}, got {given}; {hint}",
        "{name} 应是 {names} 之一，而不是 {given}；{hint}",
    ),
    (
        "{name} must be one of {names}, got {given}",
        "{name} 应是 {names} 之一，而不是 {given}",
    ),
    ("{name} must be {hint_kind}, got {given}", "{name} 应是{hint_kind}，而不是 {given}"),
    ("a number in {bounds}", " {bounds} 中的数"),
    ("a whole number in {bounds}", " {bounds} 中的整数"),
    ("a whole number", "整数"),
    ("a number", "数"),
    ("true or false", " true 或 false"),
    ("a text", "文字"),
    (
        "{where} is no JSON: {what}: line {line} column {column} (char {place})",
        "{where} 不是 JSON：见第 {line} 行第 {column} 列",
    ),
    ("{where} is no JSON: {reason}", "{where} 不是 JSON：{reason}"),
    ("{where} does not describe a ClearProp network", "{where} 描述的不是 ClearProp 网络"),
    (
        '{where} has no format version; write "version": {version}',
        '{where} 没有格式版本；请写 "version": {version}',
    ),
    (
        '{where} has format version {given}; write "version": {version}',
        '{where} 的格式版本是 {given}；请写 "version": {version}',
    ),
    (
        "{where} has format version {given}; this ClearProp reads up to {version}: install a "
        "newer one",
        "{where} 的格式版本是 {given}；此 ClearProp 至多读到 {version}：请安装更新的版本",
    ),
    (
        "{where} is damaged: it was cut short or changed after it was saved; {hint_instead}",
        "{where} 已损坏：保存之后被截断或改动；请重新训练，或从备份取回",
    ),
    ("{where} is damaged: the field {field} is missing", "{where} 已损坏：缺少字段 {field}"),
    (
        "{where} is damaged: there is no field {field}; {hint}",
        "{where} 已损坏：没有字段 {field}；{hint}",
    ),
    ("{where} is damaged: {hint_reason}", "{where} 已损坏：{hint_reason}"),
    (
        "{where} is damaged: {name} must be {hint_kind}, got {given}",
        "{where} 已损坏：{name} 应是{hint_kind}，而不是 {given}",
    ),
    ("expected an object, got {given}", "此处应是对象，而不是 {given}"),
    ("a list", "列表"),
    ("an object", "对象"),
    ("a finite number", "有限的数"),
    ("a whole number from {low} to {high}", " {low} 到 {high} 的整数"),
    ("a text of at most {most} characters", "至多 {most} 个字符的文字"),
    ("a network needs an input", "网络需要输入"),
    ("a network needs an output", "网络需要输出"),
    (
        "input {name}: give it a width or levels, 1 at least",
        "输入 {name} 需要 width 或 levels，至少为 1",
    ),
    ("two inputs have one name; names must differ", "两个输入同名；名称应各不相同"),
    (
        "two inputs make the value {name}; names must differ",
        "两个输入都产生 {name}；名称应各不相同",
    ),
    ("two nodes make the value {name}; names must differ", "两个节点都产生 {name}；名称应各不相同"),
    (
        "two outputs have one value; give each a value of its own",
        "两个输出是同一个值；请各用一个值",
    ),
    ("two costs have one value; give each a value of its own", "两个代价用同一个值；请各用一个值"),
    (
        "{node}: its input {name} is made by no node before it",
        "{node}：之前没有节点产生它的输入 {name}",
    ),
    ("{node}: {op} is a cost and makes no value", "{node}：{op} 是代价函数，不产生值"),
    (
        "{node}: {op} takes {count} or more inputs, not {given}",
        "{node}：{op} 至少需要 {count} 个输入，而不是 {given} 个",
    ),
    (
        "{node}: {op} takes {count} inputs, not {given}",
        "{node}：{op} 需要 {count} 个输入，而不是 {given} 个",
    ),
    (
        "{node}: {op} needs parameters {names}, the graph names {given}",
        "{node}：{op} 需要参数 {names}，而图中给出 {given}",
    ),
    (
        "{node}: the tied parameter {name} has shape {first} at its first use and {given} here; "
        "tie only layers of one size",
        "{node}：共用的参数 {name} 首次使用时形状为 {first}，此处为 {given}；"
        "只有大小相同的层才能共用",
    ),
    ("{node}: two quantities are called {name}", "{node}：两个量都叫 {name}"),
    (
        "{node}: has parameters for {given} members, the network has {count}; use one number "
        "everywhere",
        "{node}：有 {given} 个成员的参数，而网络有 {count} 个；请处处用同一个数",
    ),
    ("the output {name} is made by no node", "没有节点产生输出 {name}"),
    ("the output {name} is an index; put a layer behind it", "输出 {name} 是索引；请在其后加一层"),
    ("the cost {op} compares {name}, which is no output", "代价函数 {op} 所比较的 {name} 不是输出"),
    (
        "labels are given for {name}, which is no value of the network",
        "标签给了 {name}，而它不是网络中的值",
    ),
    ("the labels of {name} are texts, got {given}", "{name} 的标签应是文字，而不是 {given}"),
    (
        "a value's name is a or z and a number or _name, got {given}",
        "值的名称应是 a 或 z 加数字或 _名称，而不是 {given}",
    ),
    (
        "a parameter's name is {role} and a number or _name, got {given}",
        "参数的名称应是 {role} 加数字或 _名称，而不是 {given}",
    ),
    ("the parameter {name} has the name of another quantity", "参数 {name} 与另一个量同名"),
    (
        "{path} needs a row of your own: register it with clearprop.register before loading "
        "({hint_why})",
        "{path} 需要自定义的运算：载入前请用 clearprop.register 登记（{hint_why}）",
    ),
    ("there is no operation {given}; {hint}", "没有运算 {given}；{hint}"),
    ("{where} is no ClearProp model: it is empty", "{where} 不是 ClearProp 模型：它是空的"),
    ("{where} is no ClearProp model: it is JSON", "{where} 不是 ClearProp 模型：它是 JSON"),
    (
        "{where} is no ClearProp model: it is a Parquet table",
        "{where} 不是 ClearProp 模型：它是 Parquet 表",
    ),
    (
        "{where} is no ClearProp model: it is a pickle or an archive, and ClearProp runs no code "
        "from files",
        "{where} 不是 ClearProp 模型：它是 pickle 或压缩包，而 ClearProp 不运行文件中的代码",
    ),
    (
        "{where} is no ClearProp model: it is another safetensors file, or cut short",
        "{where} 不是 ClearProp 模型：它是另一种 safetensors 文件，或被截断",
    ),
    (
        "{hint}; a table is learned first (clearprop train {file} --target COLUMN), or gives a "
        "chain its numbers (clearprop derive 2-3-2 --data {path})",
        "{hint}；表须先训练（clearprop train {file} --target COLUMN），"
        "或给链提供数值（clearprop derive 2-3-2 --data {path}）",
    ),
    (
        "{where} is no ClearProp model; the model comes first: {command}",
        "{where} 不是 ClearProp 模型；模型在前：{command}",
    ),
    ("{where} is no ClearProp model", "{where} 不是 ClearProp 模型"),
    # -- files
    ("there is no file {path}: {hint}", "没有文件 {path}：{hint}"),
    ("there is no folder {path}", "没有文件夹 {path}"),
    ("a part of its path is no folder", "它的路径中有一段不是文件夹"),
    ("there is no file {path}", "没有文件 {path}"),
    ("no file matches {path}", "没有文件与 {path} 相符"),
    ("{path} is a folder; name the {kind} in it", "{path} 是文件夹；请写出其中的文件"),
    (
        "{path} is a folder: name a file in it, or a pattern such as {pattern}",
        "{path} 是文件夹：请写出其中的文件，或 {pattern} 这样的模式",
    ),
    ("{path} is no plain file; name a {kind}", "{path} 不是普通文件；请另指文件"),
    ("the name of the {kind} is empty; name a {other}", "文件名是空的；请写出文件名"),
    ("cannot read {path}: {hint_reason}", "无法读取 {path}：{hint_reason}"),
    (
        "cannot write {path}: {hint_reason}; choose another name or place",
        "无法写入 {path}：{hint_reason}；请换一个名称或位置",
    ),
    ("cannot write {path}: {hint_reason}", "无法写入 {path}：{hint_reason}"),
    ("Not a directory", "路径中有一处不是文件夹"),
    ("File name too long", "名称过长"),
    ("Too many levels of symbolic links", "符号链接成环"),
    ("No space left on device", "磁盘已满"),
    ("Invalid argument", "此处不能写文件"),
    ("what is printed cannot be written: {hint_reason}", "输出无法写出：{hint_reason}"),
    ("{path} is {hint_what}: {hint_fix}", "{path} 是{hint_what}：{hint_fix}"),
    (
        "name a CSV, TSV, JSON lines, Parquet or Arrow file",
        "请指定 CSV、TSV、JSON、Parquet 或 Arrow 文件",
    ),
    (
        "{path} is an address: fetch the file, and name it here",
        "{path} 是网址：请先下载文件，再在此指定",
    ),
    (
        "seed={given} is outside 0 … 2⁶⁴ − 1",
        "种子 {given} 不在 0 到 2⁶⁴ − 1 之间",
    ),
    (
        "{where} is no JSON: maximum recursion depth exceeded{rest}",
        "{where} 不是可读的 JSON：嵌套过深",
    ),
    ("{where} is no JSON: Exceeds the limit ({rest}", "{where} 不是可读的 JSON：数的位数过多"),
    (
        "{value}: {shape} is wider than {most} units",
        "{value}：{shape} 的宽度超过 {most} 个单元",
    ),
    (
        "Unable to parse input string as an integer, exceeded maximum size",
        "应是整数，且位数不可过多",
    ),
    ("{path} cannot be read: {hint_reason}", "{path} 无法读取：{hint_reason}"),
    ("No such file or directory", "没有此文件或文件夹"),
    ("Permission denied", "没有权限"),
    ("Is a directory", "它是文件夹"),
    ("it is a folder; choose another name", "它是文件夹；请换一个文件名"),
    ("it is no plain file; choose another name", "它不是普通文件；请换一个文件名"),
    ("there is no folder {path}; make it first", "没有文件夹 {path}；请先建立它"),
    (
        "no permission to write in its folder; choose another place",
        "没有权限写入它的文件夹；请换一个地方",
    ),
    (
        "the disk is full; free some space, or write elsewhere",
        "磁盘已满；请腾出空间，或写到别处",
    ),
    (
        "the page would replace {path}, which is read: name another file",
        "页面会覆盖要读取的 {path}：请换一个文件名",
    ),
    # -- tables
    ("{path} is empty: there is nothing to read in it", "{path} 是空的：没有可读的内容"),
    ("{table} has no rows; there is nothing to read in it", "{table} 没有行；没有可读的内容"),
    ("{table} has no column {name}: {hint}", "{table} 没有列 {name}：{hint}"),
    (
        "{hint}; {table} has no header: its first row is all numbers and is taken as data; its "
        "columns are called {first} to {last}",
        "{hint}；{table} 没有表头：它的第一行全是数，被当作数据；各列称为 {first} 至 {last}",
    ),
    (
        "{table} has a header and no rows; there is nothing to read in it",
        "{table} 只有表头，没有行；没有可读的内容",
    ),
    ("the query has no rows; there is nothing to read in it", "查询没有结果；没有可读的内容"),
    ("{table} has no column that can be read", "{table} 没有可读的列"),
    ("{table} has no column that can be read; {reason}", "{table} 没有可读的列（{reason}）"),
    (
        "{path} is no Arrow file, though its name ends in {suffix}",
        "{path} 的名称以 {suffix} 结尾，却不是 Arrow 文件",
    ),
    (
        "{path} is no Parquet file, though its name ends in {suffix}",
        "{path} 的名称以 {suffix} 结尾，却不是 Parquet 文件",
    ),
    (
        "{path}, line {line}, character {at} is no JSON; mend it",
        "{path} 第 {line} 行第 {at} 个字符处不是 JSON；请改正",
    ),
    (
        "{path}, line {line} is no JSON: {given}; mend the line",
        "{path} 第 {line} 行不是 JSON：{given}；请改正此行",
    ),
    (
        "{path}, row {row} is no record but {given}: write each row as an object such as {example}",
        "{path} 第 {row} 行不是记录，而是 {given}：每行请写成 {example} 这样的对象",
    ),
    ("the query cannot be read: {reason}", "查询无法读取（{reason}）"),
    (
        "the query names the file {path} without quotes: write {name}",
        "查询中的文件名 {path} 没有加引号：请写成 {name}",
    ),
    (
        "{path}, line {line} has {count} cell where the header has {given}: add or remove a "
        "{sign} there, or quote the cell that has one",
        "{path} 第 {line} 行有 {count} 个单元格，而表头有 {given} 个：请在那里增减 {sign}，"
        "或给含有它的单元格加引号",
    ),
    (
        "{path}, line {line} has {count} cells where the header has {given}: add or remove a "
        "{sign} there, or quote the cell that has one",
        "{path} 第 {line} 行有 {count} 个单元格，而表头有 {given} 个：请在那里增减 {sign}，"
        "或给含有它的单元格加引号",
    ),
    (
        '{path}, line {line}: a quoted cell does not end: close it with " or remove the "',
        '{path} 第 {line} 行：带引号的单元格没有结束：请补上 "，或去掉 "',
    ),
    (
        '{path}, line {line}: a " stands inside a cell: write it twice and quote the cell',
        '{path} 第 {line} 行：单元格中有 "：请写两次，并给单元格加引号',
    ),
    (
        '{path}, line {line}: this is no well-formed CSV: look for a stray "',
        '{path} 第 {line} 行：不是格式正确的 CSV：请查找多余的 "',
    ),
    ("{path}: its first line cannot be read ({reason})", "{path} 的第一行无法读取（{reason}）"),
    (
        "column {name} is infinite in row {row}: mend the value, or leave the cell empty",
        "列 {name} 第 {row} 行是无穷大：请改正此值，或让单元格空着",
    ),
    (
        "{path} is a binary file, not text: name a CSV, JSON lines or Parquet file",
        "{path} 是二进制文件，不是文本：请指定 CSV、JSON 或 Parquet 文件",
    ),
    (
        "{path} is {hint_what}, not the text its name says: {hint_fix}",
        "{path} 是{hint_what}，而不是其名称所说的文本：{hint_fix}",
    ),
    (
        "{path} holds, compressed, {hint_what}, not the text its name says: {hint_fix}",
        "{path} 中压缩的是{hint_what}，而不是其名称所说的文本：{hint_fix}",
    ),
    ("a Parquet file", " Parquet 文件"),
    ("a 7-Zip archive", " 7-Zip 压缩包"),
    ("a zip archive or an Excel workbook", " zip 压缩包或 Excel 工作簿"),
    ("an old Excel or Word document", "旧的 Excel 或 Word 文档"),
    ("an Arrow file", " Arrow 文件"),
    ("a stream of Arrow batches", " Arrow 数据流"),
    ("a Feather file of version 1", "第 1 版 Feather 文件"),
    ("a {name} picture", " {name} 图片"),
    ("a PDF document", " PDF 文档"),
    ("a SQLite database", " SQLite 数据库"),
    ("a NumPy array", " NumPy 数组"),
    ("an ORC file", " ORC 文件"),
    ("an HDF5 file", " HDF5 文件"),
    ("an XML document", " XML 文档"),
    ("a web page", "网页"),
    ("a program", "程序"),
    ("{name}-compressed", "用 {name} 压缩的文件"),
    ("a Python pickle", " pickle 文件"),
    ("a safetensors or model file", " safetensors 文件或模型文件"),
    ("rename it to end in {suffix}", "请改名，以 {suffix} 结尾"),
    ("save the sheet as CSV", "请把工作表另存为 CSV"),
    ("name a table", "请指定一个表"),
    (
        "name a CSV, TSV, JSON lines or Parquet file",
        "请指定 CSV、TSV、JSON 或 Parquet 文件",
    ),
    (
        "{path} is not gzip-compressed, though its name ends in .gz: rename it",
        "{path} 的名称以 .gz 结尾，却没有压缩：请改名",
    ),
    (
        "{path}: its gzip data is damaged or cut short ({reason})",
        "{path} 的压缩数据已损坏或被截断",
    ),
    (
        "{path} holds JSON lines, not the text its name says: rename it .jsonl",
        "{path} 的内容是 JSON，与其名称不符：请改名为 .jsonl",
    ),
    (
        "{path} is not written in {encoding}: byte {byte} in line {line} (byte {at} of its text) "
        "means nothing in it; give the one it is written in, such as {names}",
        "{path} 不是用 {encoding} 写的：第 {line} 行的字节 {byte} 在其中没有意义；"
        "请给出它所用的编码，例如 {names}",
    ),
    ("there is no encoding {name} of text: {hint}", "没有文本编码 {name}：{hint}"),
    (
        "{path} matches files of different kinds: {names}",
        "与 {path} 相符的文件种类不同：{names}",
    ),
    (
        "{path} matches plain and compressed files: compress all, or none",
        "与 {path} 相符的文件有的压缩、有的没有：请全部压缩，或都不压缩",
    ),
    (
        "{path} is no text, so it has no encoding {name}: leave the encoding out",
        "{path} 不是文本，没有编码 {name}：请不要给编码",
    ),
    (
        "{path} has the columns {names}, but {other} has {given}: give all files the same header",
        "{path} 的列是 {names}，而 {other} 的列是 {given}：请让各文件的表头相同",
    ),
    (
        "{path} and {other} begin with other empty lines: cut them",
        "{path} 与 {other} 开头的空行不同：请删去",
    ),
    (
        "column {name} holds numbers, but row {row} has {given}: mend the value, or leave the "
        "cell empty",
        "列 {name} 是数，但第 {row} 行是 {given}：请改正此值，或让单元格空着",
    ),
    (
        "column {name} holds {kind}, but row {row} has {given}: mend the value, or leave the "
        "cell empty",
        "列 {name} 第 {row} 行的 {given} 与该列的类型不符：请改正此值，或让单元格空着",
    ),
    (
        "column {name} holds {kind}, but this table has {got} in it, {given} in row {row}",
        "列 {name} 第 {row} 行的 {given} 与该列的类型不符",
    ),
    ("column {name} holds {kind}, but this table has {got} in it", "列 {name} 的类型与此表不符"),
    # -- data
    (
        "Y has {count} different labels ({names}), but the network tells {classes} classes "
        "apart; give the last layer one output a label",
        "目标有 {count} 个不同的类别（{names}），而网络只区分 {classes} 类；"
        "请让最后一层每个类别有一个输出",
    ),
    (
        "Y has one label alone ({names}), but the network tells {classes} classes apart; give the "
        "last layer one output a label",
        "目标只有一个类别（{names}），而网络区分 {classes} 类；请让最后一层每个类别有一个输出",
    ),
    (
        "Y has the class {given}; the output has the classes 0 to {last}",
        "目标中有类别 {given}；输出的类别是 0 到 {last}",
    ),
    (
        "Y: a cross-entropy needs values from 0 to 1, got {given}",
        "目标：交叉熵需要 0 到 1 的值，而不是 {given}",
    ),
    (
        "Y: the poisson cost needs 0 or more, got {given}",
        "目标：poisson 代价需要 0 以上的值，而不是 {given}",
    ),
    ("Y: each row must sum to 1 for cross_entropy", "目标：用 cross_entropy 时每行之和须为 1"),
    (
        "Y: classes must be whole numbers from 0, or rows of probabilities",
        "目标：类别应是从 0 起的整数，或各行概率",
    ),
    # -- options
    ("no such option: {name}: {hint}", "没有选项 {name}；{hint}"),
    ("no such option: {name}", "没有选项 {name}"),
    ("missing argument {name}", "缺少参数 {name}"),
    ("missing option {name}", "缺少选项 {name}"),
    ("got unexpected extra argument(s) ({names})", "多出了参数（{names}）"),
    ("got unexpected extra arguments ({names})", "多出了参数（{names}）"),
    ("got unexpected extra argument ({names})", "多出了参数（{names}）"),
    ("option {name} requires an argument", "选项 {name} 需要一个值"),
    ("option {name} does not take a value", "选项 {name} 不带值"),
    ("invalid value for {name}: {hint_reason}", "{name} 的值不对：{hint_reason}"),
    ("it takes a whole number", "应是整数"),
    ("it takes a number", "应是数"),
    ("it takes {least} or more", "应大于或等于 {least}"),
    ("it takes {most} at most", "应小于或等于 {most}"),
)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each template as what finds it, those that say most first; a place takes any text."""
    found = []
    for english, template in sorted(TEMPLATES, key=_said, reverse=True):
        parts = re.split(r"\{(\w+)\}", english)
        text = "".join(
            f"(?P<{part}>.+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts)
        )
        found.append((re.compile(text, re.DOTALL | re.IGNORECASE), template))
    return tuple(found)


def _said(pair: tuple[str, str]) -> int:
    """How many signs a template has of its own."""
    return len(re.sub(r"\{\w+\}", "", pair[0]))


def chinese(sentence: str) -> str | None:
    """Return a sentence in Chinese; None if the catalogue has none for it.

    Parameters
    ----------
    sentence : str
        In English, as an error says it.

    Examples
    --------
    >>> print(chinese("there is no cost 'foo'; did you mean 'huber'?"))
    没有代价函数 'foo'；是否指 'huber'？
    """
    for pattern, template in _patterns():
        if match := pattern.fullmatch(sentence):
            values = {
                name: (chinese(value) or value) if name.startswith("hint") else value
                for name, value in match.groupdict().items()
            }
            return template.format(**values)
    return None


def asked(args: Sequence[str]) -> bool:
    """Return whether a line of the command line asks for Chinese, even if it cannot be read.

    >>> asked(["derive", "--nope", "--language", "zh"]), asked(["derive", "2-3-2"])
    (True, False)
    """
    line = " ".join(args)
    return bool(re.search(r"(?:^| )--language[ =]zh(?: |$)", line))
