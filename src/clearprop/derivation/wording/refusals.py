"""What `derive` and `notation` refuse, and how to mend it: one sentence each, in two languages.

Proved by ``tests/test_derivation_refusals.py``.
"""

from __future__ import annotations

from collections.abc import Iterable

from clearprop.words import Sentence, Words, did_you_mean, shown

__all__ = ["REFUSALS", "refusal", "unknown"]

REFUSALS = Words(
    {
        # -- what was asked for
        "unknown_language": {
            "en": "there is no language {given}; {hint}",
            "zh": "没有语言 {given}；{hint}",
        },
        "unknown_notation": {
            "en": "there is no notation {given}; {hint}",
            "zh": "没有记号 {given}；{hint}",
        },
        "unknown_format": {
            "en": "there is no format {given}; {hint}",
            "zh": "没有格式 {given}；{hint}",
        },
        "unknown_step": {
            "en": "the derivation has no step {given}; {hint}",
            "zh": "推导中没有步骤 {given}；{hint}",
        },
        "no_cost": {
            "en": "the network has no cost; there is nothing to derive",
            "zh": "网络没有代价函数，无可推导",
        },
        "chain_option": {
            "en": "--{name} belongs to a chain such as 2-3-2; {given} says its own",
            "zh": "--{name} 只用于 2-3-2 这样的链；{given} 自有规定",
        },
        "option_empty": {
            "en": "--{name} is empty; write behind it what is meant, or leave it out",
            "zh": "--{name} 是空的；请在其后写明，或去掉它",
        },
        # -- one weight
        "weight_empty": {
            "en": "the weight's name is empty; name one weight, such as {first}",
            "zh": "权重的名称是空的；请写出一个权重，例如 {first}",
        },
        "no_such_name": {
            "en": "the network has no {text}; {hint}",
            "zh": "网络中没有 {text}；{hint}",
        },
        "other_notation": {
            "en": "in {notation} it is {name}: say {ours}, or take the notation {other}, which "
            "calls it so",
            "zh": "在 {notation} 中它写作 {name}：请写 {ours}，或改用记号 {other}，那里才这样写",
        },
        "which_layer": {
            "en": "which layer's? say {names}",
            "zh": "是哪一层的？请写 {names}",
        },
        "no_such_entry": {
            "en": "the network has no {text}: {sym} has the shape {shape}, its last entry is "
            "{last}; {hint}",
            "zh": "网络中没有 {text}：{sym} 的形状是 {shape}，最后一个元素是 {last}；{hint}",
        },
        "one_number": {
            "en": "the network has no {text}: {sym} is one number for its whole layer; {hint}",
            "zh": "网络中没有 {text}：{sym} 是整层共用的一个数；{hint}",
        },
        "no_parameter": {
            "en": "{name} is no parameter; {hint}",
            "zh": "{name} 不是参数；{hint}",
        },
        "many_entries": {
            "en": "{name} has many entries; name one of them, such as {first}",
            "zh": "{name} 有许多元素；请写出其中一个，例如 {first}",
        },
        "weight_large": {
            "en": "{name} needs more than {most} equations multiplied out, and so many are not; "
            "take a smaller network",
            "zh": "展开 {name} 需要 {most} 个以上的式子，太多了；请换较小的网络",
        },
        "shown_few": {
            "en": "shown = {given}: show 1 path or more",
            "zh": "shown = {given}：至少写出 1 条路径",
        },
        "shown_which": {
            "en": "--shown says how many paths of one weight are written out; say which weight "
            "with --weight",
            "zh": "--shown 指定写出一个权重的几条路径；请用 --weight 指明哪一个",
        },
        "expand_which": {
            "en": "--expand multiplies one gradient out; say which with --weight",
            "zh": "--expand 展开一个梯度；请用 --weight 指明哪一个",
        },
        "expand_weight": {
            "en": "say which weight to multiply out, such as weight='W1[1,1]'",
            "zh": "请指明要展开的权重，例如 weight='W1[1,1]'",
        },
        "expand_large": {
            "en": "the network is too large to multiply out: {count} equations, {most} at most; "
            "take fewer units or layers, or a weight nearer the output",
            "zh": "网络太大，无法展开：需要 {count} 个式子，至多 {most} 个；"
            "请减少神经元、层数，或选离输出更近的权重",
        },
        "expand_long": {
            "en": "the network is too large to multiply out: {count} parts, {most} at most; "
            "take fewer units or layers, or a weight nearer the output",
            "zh": "网络太大，无法展开：展开后有 {count} 项，至多 {most} 项；"
            "请减少神经元、层数，或选离输出更近的权重",
        },
        "expand_chosen": {
            "en": "SymPy has no expression for an entry that an index chooses; for one, take a "
            "network whose inputs are numbers",
            "zh": "SymPy 无法表示由下标选出的元素；需要时请换用输入为数值的网络",
        },
        "expand_kind": {
            "en": "SymPy has no expression for {part}; take the text of the step",
            "zh": "SymPy 无法表示 {part}；请用该步骤的文字",
        },
        # -- what a call was given
        "no_such_value": {
            "en": "{name} = {given}; give {fix}",
            "zh": "{name} = {given}；请给{fix}",
        },
        "fix_digits": {
            "en": "a whole number from 1 to {most}",
            "zh": " 1 到 {most} 的整数",
        },
        "fix_width": {
            "en": "a whole number of columns, {least} or more",
            "zh": " {least} 或更大的整数（列数）",
        },
        "fix_rate": {"en": "a number above 0", "zh": "大于 0 的数"},
        "fix_weight": {
            "en": "text such as 'W1[1,1]'",
            "zh": "文字，例如 'W1[1,1]'",
        },
        "endless_parameter": {
            "en": "the parameter {name} is {given}; give parameters that are numbers",
            "zh": "参数 {name} 是 {given}；请给有限的数",
        },
        # -- notations
        "notation_word": {
            "en": "notation {name}: {key} = {given}; {hint}",
            "zh": "记号 {name}：{key} = {given}；{hint}",
        },
        "notation_role": {
            "en": "notation {name}: {key} names the role {role}; {hint}",
            "zh": "记号 {name}：{key} 中写了 {role}，没有这样的量；{hint}",
        },
        "notation_column": {
            "en": "notation {name}: a bias column needs target-first weights; use "
            "bias_view = 'vector'",
            "zh": "记号 {name}：偏置作为一列时权重须写成 target-first；请用 bias_view = 'vector'",
        },
        "notation_column_level": {
            "en": "notation {name}: a bias column needs whole matrices, and level = {level} writes "
            "entries; use level = 'graph', or bias_view = 'vector'",
            "zh": "记号 {name}：偏置作为一列时须写整个矩阵，而 level = {level} 逐个元素书写；"
            "请用 level = 'graph' 或 bias_view = 'vector'",
        },
        "notation_letters": {
            "en": "notation {name}: {first} and {second} are both {letter}; give each quantity a "
            "letter of its own",
            "zh": "记号 {name}：{first} 与 {second} 都是 {letter}；请给每个量各自的字母",
        },
        "notation_kind": {
            "en": "a notation is a name or a Notation, got {given}; "
            "give parameters, X and Y by name: parameters=…",
            "zh": "记号应是名称或 Notation，而不是 {given}；"
            "参数、X 与 Y 请按名称给出：parameters=…",
        },
        "notation_file": {
            "en": "the notation {path} cannot be read: {reason}",
            "zh": "记号文件 {path} 无法读取：{reason}",
        },
        "query": {"en": "the query", "zh": "查询结果"},
        "no_folder": {"en": "what should be a folder is a file", "zh": "应是文件夹之处是一个文件"},
        "long_name": {"en": "the name is too long", "zh": "名称过长"},
        "no_such_file": {"en": "there is no such file", "zh": "没有此文件"},
        "no_permission": {"en": "it may not be read", "zh": "没有读取权限"},
        "notation_toml": {
            "en": "the notation {path} is no TOML: {reason}",
            "zh": "记号文件 {path} 不是 TOML：{reason}",
        },
        "toml_at": {
            "en": "{parser}",
            "zh": "第 {line} 行第 {column} 列不合语法",
        },
        "toml_end": {"en": "{parser}", "zh": "读到文件末尾，仍不合语法"},
        "toml_large": {
            "en": "it is nested too deep, or has a number of thousands of digits",
            "zh": "嵌套过深，或数的位数过多",
        },
        "toml_text": {"en": "{parser}", "zh": "文件不是 UTF-8 文字"},
        "notation_base": {
            "en": "the notation {path}: base = {given}; {hint}",
            "zh": "记号文件 {path}：base = {given}；{hint}",
        },
        "notation_key": {
            "en": "the notation {path}: there is no entry {key}; {hint}",
            "zh": "记号文件 {path}：没有 {key} 这一项；{hint}",
        },
        "notation_type": {
            "en": "the notation {path}: {key} = {given} has the wrong type; give {fix}",
            "zh": "记号文件 {path}：{key} = {given} 类型不对；请给{fix}",
        },
        "fix_roles": {"en": "give a table of roles", "zh": "请给一个表"},
        "fix_text": {
            "en": "give text of one line without control characters",
            "zh": "请给一行文字，不含控制字符",
        },
        "fix_bool": {"en": "give true or false", "zh": "请给 true 或 false"},
        "fix_one_letter": {
            "en": "give one letter, and not s or κ, which count samples and members",
            "zh": "请给一个字母，且不是 s 或 κ，它们用来数样本和成员",
        },
        "fix_two_letters": {
            "en": "give the two units of a weight a letter each",
            "zh": "请给权重两端的单元各一个字母",
        },
        "fix_letters": {
            "en": 'give letters alone, {most} at most, such as "A" or "θ"',
            "zh": '只可用字母，至多 {most} 个，例如 "A" 或 "θ"',
        },
        "fix_word": {
            "en": "give a word of 1 to {most} letters or Chinese characters",
            "zh": "请给 1 到 {most} 个字的词，只含文字",
        },
        "fix_argument": {
            "en": "give another letter: functions are written of x, and with e",
            "zh": "请换一个字母：函数的自变量写作 x，式中还有 e",
        },
        "fix_letters_empty": {
            "en": 'give letters alone, such as "A" or "θ" (only symbols.delta and symbols.Delta '
            "may be empty)",
            "zh": '只可用字母，例如 "A" 或 "θ"（只有 symbols.delta 和 symbols.Delta 可以为空）',
        },
        "fix_offset": {
            "en": "give a whole number from {least} to {most}",
            "zh": "请给 {least} 到 {most} 的整数",
        },
        "type_table": {"en": "a table", "zh": "表"},
        "type_bool": {"en": "true or false", "zh": " true 或 false"},
        "type_text": {"en": "text in quotes", "zh": "引号中的文字"},
        # -- data
        "data_option": {
            "en": "--{option} belongs to --data; give the table too",
            "zh": "--{option} 须与 --data 同用；请给出表",
        },
        "no_equation": {
            "en": "{given} is no equation; those of a step are d.step('delta2').equations",
            "zh": "{given} 不是式子；一个步骤的式子是 d.step('delta2').equations",
        },
        "no_row": {
            "en": "there is no row {row}; {where} has {count}, counted from 1",
            "zh": "没有第 {row} 行；{where} 有 {count} 行，从 1 数起",
        },
        "other_batch": {
            "en": "this derivation was made for a batch of {made}, X has {given}; derive anew",
            "zh": "此推导是为 {made} 行作的，X 有 {given} 行；请重新推导",
        },
        "no_numbers": {
            "en": "there are no numbers to verify with; give parameters, X and Y",
            "zh": "没有可供验证的数值；请给出参数、X 和 Y",
        },
        "network_large": {
            "en": "the network has {count} parameters, and {most} at most are derived: layers of "
            "one form are alike, so take fewer units",
            "zh": "网络有 {count} 个参数，至多推导 {most} 个：各层形式相同，请减少神经元",
        },
        "no_layer": {
            "en": "the network has no layer: there is nothing to derive",
            "zh": "网络没有任何一层，无可推导",
        },
        "x_and_y": {"en": "give X and Y together", "zh": "X 和 Y 须一起给出"},
        "model_target": {
            "en": "the model predicts {target}; leave --target out",
            "zh": "模型预测的是 {target}；请去掉 --target",
        },
        "too_many_rows": {
            "en": "{path} has {count} rows; choose one with --row, or {most} at most",
            "zh": "{path} 有 {count} 行；请用 --row 选一行，或至多 {most} 行",
        },
        "no_target": {
            "en": "{table}, row {row}: there is no target {target}",
            "zh": "{table} 第 {row} 行：没有目标 {target}",
        },
        "one_input": {
            "en": "--data needs a network of one input and one output",
            "zh": "--data 只用于一个输入、一个输出的网络",
        },
        "columns_targets": {
            "en": "{table} has {columns}; the network needs {inputs} of inputs and then "
            "{targets} of targets, all numbers (a table with other columns is derived by a model "
            "trained on it: clearprop train, then clearprop derive MODEL --data)",
            "zh": "{table} 有 {columns}；网络需要 {inputs} 列输入，然后是 {targets} 列目标，都是数"
            "（有其他列的表，先用 clearprop train 训练模型，再 clearprop derive MODEL --data）",
        },
        "columns_classes": {
            "en": "{table} has {columns}; the network needs {inputs} of inputs, all numbers, and "
            "then a column of classes (a table with other columns is derived by a model trained "
            "on it: clearprop train, then clearprop derive MODEL --data)",
            "zh": "{table} 有 {columns}；网络需要 {inputs} 列输入，都是数，然后是一列类别"
            "（有其他列的表，先用 clearprop train 训练模型，再 clearprop derive MODEL --data）",
        },
        "columns_inputs": {
            "en": "{table} has {columns} beside the target {target}; the network needs {inputs} of "
            "inputs, all numbers (a table with other columns is derived by a model trained on it: "
            "clearprop train, then clearprop derive MODEL --data)",
            "zh": "{table} 除目标 {target} 外有 {columns}；网络需要 {inputs} 列输入，都是数"
            "（有其他列的表，先用 clearprop train 训练模型，再 clearprop derive MODEL --data）",
        },
        "one_target": {
            "en": "--target {target} is one column, and the network has {targets} outputs: for a "
            "column of classes take --cost cross_entropy, for one of numbers a network of one "
            "output",
            "zh": "--target {target} 是一列，而网络有 {targets} 个输出："
            "若是类别，请用 --cost cross_entropy；若是数，请用一个输出的网络",
        },
        "text_column": {
            "en": "{table}: column {column} holds text, and the network reads numbers; a last "
            "column of classes is read with --cost cross_entropy, a table with other columns by a "
            "model trained on it (clearprop train, then clearprop derive MODEL --data)",
            "zh": "{table}：列 {column} 是文字，而网络读入的是数；最后一列若是类别，请用 "
            "--cost cross_entropy；有其他列的表，先训练模型"
            "（clearprop train，再 clearprop derive MODEL --data）",
        },
        "column_one": {"en": "1 column", "zh": "1 列"},
        "column_many": {"en": "{count} columns", "zh": "{count} 列"},
        "no_value": {
            "en": "{table}, row {row}: column {column} has no value; fill it in, or name "
            "another row by --row",
            "zh": "{table} 第 {row} 行：列 {column} 没有值；请填上，或用 --row 选另一行",
        },
        # -- files
        "two_formats": {
            "en": "--format {format} and --json contradict each other; leave one out",
            "zh": "--format {format} 与 --json 相矛盾；请去掉一个",
        },
        "name_and_format": {
            "en": "{option} and the name {name} ({said}) contradict each other",
            "zh": "{option} 与文件名 {name}（{said}）相矛盾",
        },
        "no_ending": {
            "en": "the ending {ending} of {name} says no format; give --format, or a name that "
            "ends in .txt, .tex, .html or .json",
            "zh": "{name} 的后缀 {ending} 不表示任何格式；请给 --format，"
            "或用 .txt、.tex、.html、.json 结尾的文件名",
        },
        "no_page": {
            "en": "{path} exists and is no page of ClearProp's, so it is not replaced: choose "
            "another name, or ask for it with --overwrite",
            "zh": "{path} 已存在且不是 ClearProp 的页面，因此不覆盖："
            "请换一个文件名，或加 --overwrite",
        },
        # -- what other rooms say in English alone
        "elsewhere": {"en": "{reason}", "zh": "无法推导，原因如下：{reason}"},
    },
    free=["parser", "line", "column"],
)

refusal = REFUSALS.both


def unknown(what: str, given: object, names: Iterable[str]) -> Sentence:
    """A sentence about a language, notation, format or step that does not exist.

    >>> unknown("format", "pdf", ["text", "html"])
    "there is no format 'pdf'; there are 'text', 'html'"
    """
    return refusal(f"unknown_{what}", given=shown(given), hint=did_you_mean(given, names))
