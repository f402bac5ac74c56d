"""Words that say nothing about what an item is: grammar, sizes and packing, in English and Chinese."""

import re

ENGLISH = frozenset(
    re.findall(
        r"\S+",
        """
    a about above after again against all also am an and any are as at be because been before being below best better
    between both but by can cannot could did do does doing down during each few for from further get gets give gives go
    goes got great had has have having he her here hers him his how however i if in into is it its itself just know let
    like made make makes many may me more most much must my need never new no nor not now of off on once one only or
    other our ours out over own per please quot she should since so some such take than that the their theirs them then
    there these they this those through thus to too two under until up upon us use used uses using very via was we were
    what when where whether which while who whom whose why will with within without would yet you your yours
    amp book books cm count ct each edition fl fluid ft gram grams inch inches item items kg lb lbs lot mg ml mm number
    genre genres iii mrs
    ounce ounces oz pack packs part pc pcs piece pieces pound pounds product products size total vol volume volumes
    """,
    )
)
"""Articles, pronouns and the like, and what titles of goods and books carry besides their subject."""

CHINESE = frozenset(
    re.findall(
        r"\S+",
        """
    我们 你们 他们 她们 它们 咱们 自己 大家 人们 这个 那个 这些 那些 这种 那种 这样 那样 这里 那里 一个 一种
    一些 一下 一样 一起 一直 一定 什么 怎么 怎样 如何 为什么 哪些 哪个 没有 不是 不会 不能 可以 可能 能够 应该
    需要 必须 就是 还是 但是 可是 因为 所以 如果 虽然 然而 而且 并且 以及 或者 或是 不过 然后 于是 只是 只有
    只要 还有 也是 都是 已经 曾经 正在 将会 非常 十分 特别 比较 更加 之后 之前 以后 以前 以来 以上 以下 之间
    其中 其他 其它 此外 另外 关于 对于 由于 为了 根据 通过 进行 使用 作为 成为 包括 以及 各种 各个 每个 所有
    全部 很多 许多 更多 不同 时候 东西 事情 第一 第二 几个 两个 一本 本书 作者 出版 出版社 版本 全集 上册 下册
    全新 正版 包邮 新款 热卖 套装 规格 数量 内容 简介 产品 商品
    """,
    )
)
"""Function words of two characters and more (single characters are never taken as words), and words of the trade."""

NO_NAMES = frozenset({"", "nan", "none", "null", "n/a", "unknown", "undefined", "unbranded", "不详", "未知", "无"})
"""What stands in a column where a value is missing, compared without regard to case."""
