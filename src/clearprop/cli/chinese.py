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
    ("cannot write {path}: {hint_reason}", "无法写入 {path}：{hint_reason}"),
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
    (
        "no such option: {name} (possible options: {names})",
        "没有选项 {name}；相近的有 {names}",
    ),
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
