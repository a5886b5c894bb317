"""What a derivation says in words, in English and Chinese: the sources' own words."""

from __future__ import annotations

from clearprop.derivation.wording.verdicts import VERDICTS
from clearprop.words import Words

CHINESE = {"cost": "目标函数", "delta": "残差", "weight": "权重"}
"""What the texts call differently in Chinese, by role; these words are S0's. A message takes them
at ``{cost_word}``, ``{delta_word}``, ``{weight_word}``."""

MESSAGES = Words(
    {
        "title": {
            "en": "Back-propagation of {network}, derived",
            "zh": "{network}的反向传播算法推导",
        },
        "written": {"en": "notation: {notation}", "zh": "记号：{notation}"},
        "parameters": {"en": "{count} parameters", "zh": "{count} 个参数"},
        "seeded": {
            "en": "numbers: random, seed {seed} (your own with --data)",
            "zh": "数值：随机产生，种子 {seed}（可用 --data 给出自己的数据）",
        },
        "seeded_model": {
            "en": "parameters: the model's; X and Y: random, seed {seed} (your own with --data)",
            "zh": "参数取自模型；输入与目标随机产生，种子 {seed}（可用 --data 给出自己的数据）",
        },
        "table": {
            "en": "parameters: random, seed {seed}; X and Y: {table}",
            "zh": "参数随机产生，种子 {seed}；输入与目标取自 {table}",
        },
        "table_model": {
            "en": "parameters: the model's; X and Y: {table}",
            "zh": "参数取自模型；输入与目标取自 {table}",
        },
        "table_encoded": {
            "en": "parameters: the model's; X and Y: {table}, encoded and standardised as in "
            "training",
            "zh": "参数取自模型；输入与目标取自 {table}，按训练时的方式编码并标准化",
        },
        "deriving": {"en": "deriving …", "zh": "推导中 …"},
        "verifying": {"en": "verifying …", "zh": "验证中 …"},
        "verifying_too": {
            "en": "verifying, by SymPy too …",
            "zh": "验证中，SymPy 也参与 …",
        },
        "writing": {"en": "writing the page …", "zh": "书写页面 …"},
        "sizes": {
            "en": "the subscripts of a whole matrix or vector are its sizes",
            "zh": "整个矩阵或向量的下标是它的行数与列数",
        },
        "trained": {
            "en": "steps: gradient descent with {rate} (--learning-rate); the model itself was "
            "trained by {optimizer}",
            "zh": "更新：梯度下降，{rate}（--learning-rate）；模型本身用 {optimizer} 训练",
        },
        "columns": {"en": "columns: {names}", "zh": "列：{names}"},
        "graph_of": {"en": "a graph of {count} layers", "zh": "{count} 层的计算图"},
        "graph_of_one": {"en": "a graph of one layer", "zh": "一层的计算图"},
        "unit_range": {"en": "for every {ranges}", "zh": "对每个 {ranges}"},
        "unit_single": {"en": "for {ranges}", "zh": "取 {ranges}"},
        "first_sample": {
            "en": "numbers of sample {row} of {m}; the cost, the gradients and the steps are of "
            "all {m} (--row N derives one alone)",
            "zh": "数值取第 {row} 个样本，共 {m} 个；{cost_word}、梯度与更新按全部 {m} 个样本计算"
            "（--row N 只推导一个样本）",
        },
        "first_member": {
            "en": "numbers of member 1 of {count}",
            "zh": "数值取第 1 个成员，共 {count} 个",
        },
        "members": {
            "en": "{K} = {count} members side by side: an equation without κ holds for each, and "
            "{cost} is the mean of their costs",
            "zh": "{K} = {count} 个成员并列：不带 κ 的式子对每个成员都成立，"
            "{cost} 是各成员{cost_word}的平均",
        },
        "section_definition": {"en": "Functions", "zh": "函数"},
        "section_forward": {"en": "Forward pass", "zh": "前向传播"},
        "section_cost": {"en": "Cost", "zh": "{cost_word}"},
        "section_backward": {"en": "Back-propagation", "zh": "反向传播"},
        "section_gradient": {"en": "Gradients", "zh": "梯度"},
        "section_update": {"en": "Update by gradient descent", "zh": "梯度下降更新"},
        "section_weight": {"en": "The derivative of {weight}", "zh": "{weight} 的导数"},
        "section_paths": {"en": "The paths of {weight}", "zh": "{weight} 的路径"},
        "uses": {"en": "from {steps}", "zh": "由 {steps}"},
        "shape": {"en": "shape {sizes}", "zh": "形状 {sizes}"},
        "equation_list": {"en": "({number})", "zh": "({number})"},
        **VERDICTS,
        "marked": {
            "en": "⚠ the source prints:",
            "zh": "⚠ 原文印作：",
        },
        "marked_right": {"en": "right:", "zh": "应为："},
        "alike": {
            "en": "The same form as ({number}), another layer.",
            "zh": "与 ({number}) 同形，只是换了一层。",
        },
        "instance": {
            "en": "({number}) with {letter} = {layer}",
            "zh": "({number}) 取 {letter} = {layer}",
        },
        "units_of": {
            "en": "{width} is the number of units of layer {letter}.",
            "zh": "{width} 是第 {letter} 层的神经元个数。",
        },
        "derivative_in": {
            "en": "{derivative} is {ratio}: how the cost changes with what enters the layer.",
            "zh": "{derivative} 就是 {ratio}：该层输入变化时{cost_word}如何变化。",
        },
        "derivative_out": {
            "en": "{derivative} is {ratio}: how the cost changes with what leaves the layer.",
            "zh": "{derivative} 就是 {ratio}：该层输出变化时{cost_word}如何变化。",
        },
        "sample_part": {
            "en": "{part} is what sample s contributes: {cost} is the mean of {part} over the "
            "samples, the penalty apart.",
            "zh": "{part} 是第 s 个样本的{cost_word}：{cost} 是各样本 {part} 的平均，惩罚项另计。",
        },
        "connection": {
            "en": "{wire} is {value}, on the wire to the unit that reads it.",
            "zh": "{wire} 就是 {value}，即通往读取它的神经元的连接上的输入。",
        },
        "squares": {
            "en": "{square} is the sum of the squares of all entries.",
            "zh": "{square} 是所有元素的平方和。",
        },
        "quotient": {
            "en": "{quotient} is a quotient entry by entry.",
            "zh": "{quotient} 是逐元素相除。",
        },
        "case_if": {"en": "if", "zh": "若"},
        "case_else": {"en": "else", "zh": "否则"},
        "barred": {
            "en": "{weight} is {full} without its last column, the biases: they are the weights of "
            "a constant input 1, and nothing lies behind that to pass anything back to.",
            "zh": "{weight} 是去掉最后一列（偏置）的 {full}：偏置是常数输入 1 的{weight_word}，"
            "该输入之前没有神经元，{delta_word}不再往回传。",
        },
        # -- functions
        "function": {"en": "The function {f}", "zh": "激活函数 {f}"},
        "function_why": {
            "en": "Each unit passes its weighted sum through {f}; the backward "
            "pass needs its slope.",
            "zh": "每个神经元把加权和送入 {f}；反向传播需要它的导数。",
        },
        "link": {"en": "The function {f}", "zh": "函数 {f}"},
        "link_why": {
            "en": "Every output depends on all its inputs, so there is no slope unit by unit.",
            "zh": "每个输出都依赖全部输入，因此没有逐元素的导数。",
        },
        # -- forward
        "input": {"en": "The input is layer {n}", "zh": "输入层是第 {n} 层"},
        "input_why": {
            "en": "What comes in is written like any layer's output.",
            "zh": "把输入看作一层的输出，记法与各层相同。",
        },
        "weighted": {"en": "Input of layer {n}", "zh": "第 {n} 层的输入"},
        "weighted_why": {
            "en": "Each unit adds up what reaches it, each wire times its weight, and its bias.",
            "zh": "每个神经元把到达的信号按{weight_word}求和，再加上偏置。",
        },
        "weighted_column_why": {
            "en": "Each unit adds up what reaches it, each wire times its weight; its bias is one "
            "of these, on the wire from a constant input 1.",
            "zh": "每个神经元把到达的信号按{weight_word}求和；"
            "偏置也在其中，它是常数输入 1 的{weight_word}。",
        },
        "weighted_plain_why": {
            "en": "Each unit adds up what reaches it, each wire times its weight.",
            "zh": "每个神经元把到达的信号按{weight_word}求和。",
        },
        "activated": {"en": "Output of layer {n}", "zh": "第 {n} 层的输出"},
        "activated_why": {
            "en": "The function acts on the input of each unit.",
            "zh": "激活函数作用在每个神经元的输入上。",
        },
        "looked_up": {"en": "Row of the table at {n}", "zh": "{n} 处查表取行"},
        "looked_up_why": {
            "en": "An index, from 0, takes its own row of the table: the table times a "
            "vector with a single 1.",
            "zh": "下标从 0 数起，取出表中对应的行，即表乘以只有一个 1 的向量。",
        },
        "joined": {"en": "Sum at {n}", "zh": "{n} 处相加"},
        "joined_why": {
            "en": "Wires meet here, and their values add up (⊕).",
            "zh": "几条导线在此汇合，数值相加（⊕）。",
        },
        "stacked": {"en": "Stacked at {n}", "zh": "{n} 处拼接"},
        "stacked_why": {
            "en": "The values are put one above the other; nothing is computed.",
            "zh": "把各向量上下拼接，不做运算。",
        },
        "scaled": {"en": "Factors at {n}", "zh": "{n} 处逐元素相乘"},
        "dropped": {"en": "Dropout at {n}", "zh": "{n} 处随机失活"},
        "dropped_why": {
            "en": "In training, chance sets some units to 0 and enlarges the others to make up for "
            "it; this derivation is without dropout, so every factor is 1.",
            "zh": "训练时随机把一部分元素置零，并相应放大其余元素；"
            "这里的推导不做随机失活，系数都是 1。",
        },
        "scaled_why": {
            "en": "Every unit is multiplied by a factor of its own.",
            "zh": "每个元素乘以各自的系数。",
        },
        "computed": {"en": "Value of {n}", "zh": "{n} 处的值"},
        "computed_why": {"en": "The operation of this layer.", "zh": "这一层的运算。"},
        # -- cost
        "sample_cost": {"en": "Cost of one sample", "zh": "单个样本的{cost_word}"},
        "sample_cost_why": {
            "en": "How far the outputs are from what they should be, summed over the outputs.",
            "zh": "各输出与期望值的差距，对所有输出求和。",
        },
        "total_cost": {"en": "Cost", "zh": "{cost_word}"},
        "total_cost_why": {
            "en": "The mean over the samples, and the penalty if there is one.",
            "zh": "对样本取平均；若有惩罚项则再加上它。",
        },
        "total_cost_members_why": {
            "en": "The mean over the samples and over the members, and the penalty if there is "
            "one.",
            "zh": "对样本和成员取平均；若有惩罚项则再加上它。",
        },
        "penalty": {"en": "Penalty", "zh": "惩罚项"},
        "penalty_why": {
            "en": "Large weights cost something (the L2 penalty); biases do not.",
            "zh": "较大的{weight_word}要付出代价（L2 惩罚），偏置不计。",
        },
        # -- backward
        "arrives_cost": {"en": "What leaves the cost", "zh": "{cost_word}对输出的导数"},
        "arrives_cost_why": {
            "en": "Back-propagation starts here: how the cost changes with each output.",
            "zh": "反向传播由此开始：输出变化时{cost_word}如何变化。",
        },
        "arrives": {"en": "What arrives at layer {n}", "zh": "到达第 {n} 层的误差"},
        "arrives_why": {
            "en": "Along each wire back, times its weight; what meets at a unit adds up (⊕).",
            "zh": "误差沿导线反向传递并乘以{weight_word}，在每个神经元处汇总（⊕）。",
        },
        "arrives_sum_why": {
            "en": "{count} paths leave this value, so {count} derivatives come "
            "back and add up (⊕).",
            "zh": "有 {count} 条路径由此出发，因此 {count} 个导数返回并相加（⊕）。",
        },
        "arrives_unchanged_why": {
            "en": "This wire has no weight: what arrives at its end comes back unchanged.",
            "zh": "这条导线没有{weight_word}：到达其终点的误差原样传回。",
        },
        "arrives_part_why": {
            "en": "The values were stacked: each gets back its own entries, unchanged.",
            "zh": "各向量曾被拼接：每个向量取回属于自己的分量，数值不变。",
        },
        "arrives_slope_why": {
            "en": "What arrives behind the function, times the slope of the function (⊙).",
            "zh": "到达函数输出的误差乘以函数的导数（⊙）。",
        },
        "arrives_factor_why": {
            "en": "What arrives at the end of the wire, times the factor on it (⊙).",
            "zh": "到达导线终点的误差乘以导线上的系数（⊙）。",
        },
        "arrives_members_why": {
            "en": "Every member reads this value, so what comes back from each of them adds up "
            "(⊕).",
            "zh": "每个成员都读取这个值，因此从各成员传回的误差相加（⊕）。",
        },
        "arrives_coupled_why": {
            "en": "Every output of the function depends on all its inputs, so what arrives at "
            "each of them takes part.",
            "zh": "函数的每个输出都依赖全部输入，因此到达各输出的误差都参与计算。",
        },
        "output_delta": {"en": "{delta} of the output layer", "zh": "输出层的{delta_word} {delta}"},
        "output_delta_why": {
            "en": "What leaves the cost, times the slope of the function (⊙): "
            "the start of the recursion.",
            "zh": "{cost_word}的导数乘以激活函数的导数（⊙），这是递推的初值。",
        },
        "output_delta_identity_why": {
            "en": "What leaves the cost (the slope of the identity is 1): the start of the "
            "recursion.",
            "zh": "{cost_word}对输出的导数（恒等函数的导数为 1），这是递推的初值。",
        },
        "delta": {"en": "{delta} of layer {n}", "zh": "第 {n} 层的{delta_word} {delta}"},
        "delta_why": {
            "en": "What the units behind it pass back, each times its weight, "
            "times the unit's own slope.",
            "zh": "后一层各神经元的{delta_word}的加权和，再乘以该神经元激活函数的导数。",
        },
        "delta_arrived_why": {
            "en": "What arrives at the unit, times the unit's own slope (⊙).",
            "zh": "到达该神经元的误差乘以其激活函数的导数（⊙）。",
        },
        "delta_identity_why": {
            "en": "What arrives at the unit, unchanged: the slope of the identity is 1.",
            "zh": "到达该神经元的误差，数值不变：恒等函数的导数为 1。",
        },
        "delta_sum_why": {
            "en": "{count} paths leave this value, so {count} derivatives come back and add up "
            "(⊕); then the unit's own slope (⊙).",
            "zh": "有 {count} 条路径由此出发，因此 {count} 个导数返回并相加（⊕），"
            "再乘以该神经元激活函数的导数（⊙）。",
        },
        "shortcut": {"en": "The shortcut", "zh": "简化形式"},
        "shortcut_why": {
            "en": "This cost and this function belong together: the slopes cancel.",
            "zh": "这一{cost_word}与这一函数配对，导数相互约去。",
        },
        # -- gradients
        "gradient": {"en": "Gradient of {n}", "zh": "{n} 的梯度"},
        "gradient_why": {
            "en": "{delta} where the wire ends times the value where it starts.",
            "zh": "导线终点的{delta_word} {delta} 乘以导线起点的输出。",
        },
        "gradient_table_why": {
            "en": "Only the row that was looked up takes part: its derivative is what arrives at "
            "the value made of it.",
            "zh": "只有被查到的行参与计算：其导数就是到达查得向量的误差。",
        },
        "gradient_bias_why": {
            "en": "A bias is a weight on a constant 1, so its derivative is {delta} itself.",
            "zh": "偏置是常数输入 1 的{weight_word}，其导数就是{delta_word} {delta} 本身。",
        },
        "gradient_shared_why": {
            "en": "One bias serves all units of the layer, so their {delta} add up.",
            "zh": "同一层的神经元共用一个偏置，因此各{delta_word} {delta} 相加。",
        },
        "gradient_tied_why": {
            "en": "The same parameter is used {count} times; each use contributes.",
            "zh": "同一个参数用了 {count} 次，每次使用都有贡献。",
        },
        "gradient_other_why": {
            "en": "What arrives behind the parameter times what it multiplies.",
            "zh": "参数之后到达的误差乘以参数所乘的量。",
        },
        # -- update
        "update": {"en": "Step of {n}", "zh": "{n} 的更新"},
        "update_why": {
            "en": "Against the gradient, by the learning rate.",
            "zh": "沿负梯度方向，按学习率移动一步。",
        },
        # -- one weight, factor by factor
        "of_unit": {"en": "{title}: {n}", "zh": "{title}：{n}"},
        "chain": {"en": "Chain rule for {n}", "zh": "{n} 的链式法则"},
        "chain_why": {
            "en": "What is differentiated by moves the cost only through the units on the way.",
            "zh": "求导的量只通过途中的神经元影响{cost_word}。",
        },
        "factor": {"en": "The factor {n} of {whole}", "zh": "{whole} 的因子 {n}"},
        "factor_why": {
            "en": "The forward equation, differentiated.",
            "zh": "对前向传播的式子求导。",
        },
        "insert": {"en": "{n}, put together", "zh": "代入得 {n}"},
        "insert_why": {"en": "The factors multiplied.", "zh": "把各因子代入相乘。"},
        "split": {"en": "The cost has {count} parts", "zh": "{cost_word}由 {count} 部分组成"},
        "split_why": {
            "en": "{n} reaches every output, so the derivatives of all parts add up.",
            "zh": "{n} 影响每个输出，因此各部分的导数相加。",
        },
        "part": {"en": "Part {n} of the cost", "zh": "{cost_word}的第 {n} 部分"},
        "part_why": {"en": "What output {n} contributes.", "zh": "第 {n} 个输出贡献的部分。"},
        "expanded": {
            "en": "{gradient} multiplied out, no factor shared",
            "zh": "{gradient} 全部展开，不共用因子",
        },
        "expanded_why": {
            "en": "For one sample, {without} multiplications and divisions; back-propagation, with "
            "shared factors computed once, needs {with_delta}.",
            "zh": "单个样本需 {without} 次乘除法；反向传播把公共因子只算一次，"
            "只需 {with_delta} 次。",
        },
        "paths": {
            "en": "Paths from {n} to the cost: {count}",
            "zh": "从 {n} 到{cost_word}的路径：{count} 条",
        },
        "sums": {"en": "{n}: every {delta} put in", "zh": "{n}：逐层代入{delta_word} {delta}"},
        "sums_why": {
            "en": "Layer by layer back to the cost, each {delta} gives way to what it is made of; "
            "every layer on the way adds a sum.",
            "zh": "一层一层直到{cost_word}，把每个{delta_word} {delta} 换成它的来源；"
            "途中每一层添一个求和号。",
        },
        "sums_partly_why": {
            "en": "Each {delta} gives way to what it is made of, as far as fits on a page; those "
            "that are left stand above.",
            "zh": "把每个{delta_word} {delta} 换成它的来源，以页面容得下为限；"
            "余下的{delta_word}见上。",
        },
        "paths_all_why": {
            "en": "One product for each path, the largest first; their sum is the derivative.",
            "zh": "每条路径一个乘积，大的在前，其和就是导数。",
        },
        "paths_some_why": {
            "en": "One product for each path. The {shown} largest are written out; {rest} is the "
            "sum of the other {others}.",
            "zh": "每条路径一个乘积。写出最大的 {shown} 个；{rest} 是其余 {others} 个之和。",
        },
        "paths_members_why": {
            "en": "One product for each path, through any member. Member 1 has the {shown} written "
            "out; {rest} is the sum of the other {others}.",
            "zh": "每条路径一个乘积，各成员都有。写出第 1 个成员的 {shown} 个；"
            "{rest} 是其余 {others} 个之和。",
        },
        "paths_members_sample_why": {
            "en": "One product for each path of sample {row}, through any member. Member 1 has the "
            "{shown} written out; {rest} is the sum of the other {others}. Together they are what "
            "this sample adds to the derivative.",
            "zh": "第 {row} 个样本的每条路径一个乘积，各成员都有。写出第 1 个成员的 {shown} 个；"
            "{rest} 是其余 {others} 个之和。合起来就是该样本对导数的贡献。",
        },
        "paths_all_sample_why": {
            "en": "One product for each path of sample {row}, the largest first; their sum is what "
            "this sample adds to the derivative.",
            "zh": "第 {row} 个样本的每条路径一个乘积，大的在前，其和是该样本对导数的贡献。",
        },
        "paths_some_sample_why": {
            "en": "One product for each path of sample {row}. The {shown} largest are written out; "
            "{rest} is the sum of the other {others}. Together they are what this sample adds to "
            "the derivative.",
            "zh": "第 {row} 个样本的每条路径一个乘积。写出最大的 {shown} 个；"
            "{rest} 是其余 {others} 个之和。合起来就是该样本对导数的贡献。",
        },
        "paths_why": {
            "en": "One product for each path; their sum is the derivative.",
            "zh": "每条路径一个乘积，其和就是导数。",
        },
    },
    free=[f"{role}_word" for role in CHINESE],
)
