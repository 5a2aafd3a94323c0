"""Texts of packs in Chinese.

Alert records say everything in English. A text is found by the phrase it was made from: `Order {order} is late` stands
for `Order 8412 is late`, and what stands for `{order}` is put into the Chinese phrase.
"""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Final

COMMON: Final = {
    # what summaries may have in them
    "{within} h ship deadline": "{within} 小时发货期限",
    "{within} h deadline": "{within} 小时期限",
    "ship deadline of {due}": "发货期限 {due}",
    "deadline of {due}": "期限 {due}",
    "further notice": "另行通知",
    "in time": "按时",
    "{n} min late": "逾时 {n} 分钟",
    "{n} h late": "逾时 {n} 小时",
    "{n} days late": "逾时 {n} 天",
    "{n} min past its deadline": "已逾期 {n} 分钟",
    "{n} h past its deadline": "已逾期 {n} 小时",
    "{n} days past its deadline": "已逾期 {n} 天",
    "{what}, as is known now": "{what}（据目前所知）",
    # what all packs say alike
    "And {left_out} more: of {all} that are open, the first {shown} are told one by one": (
        "另有 {left_out} 条：未解除共 {all} 条，仅逐条列出前 {shown} 条"
    ),
    "No more than {shown} are open: all are told one by one": "未解除不超过 {shown} 条：全部逐条列出",
    "No rule watches {shop}, so nothing of it raises an alert: look at its platform's name, its site and the packs "
    "loaded": "没有规则监控 {shop}，因此不会产生任何预警：请检查平台名称、站点和已加载的规则包",
    # what ended an alert
    "It is done": "已完成",
    "It was cancelled": "已取消",
    "It was voided": "已作废",
    "Its deadline was moved": "期限已变更",
    "Evidence has arrived that it isn't so": "补到证据，并非如此",
    "It is no longer so": "已不再如此",
    "Its time is over": "时限已过",
    "The sanction has ended": "处罚已结束",
    "The rule no longer applies": "规则不再适用",
    "From now on only counted among the others: too many are open": "未解除过多，今后仅合并计数",
    "The next step was reached, which is an alert of its own": "已进入下一档，另行预警",
    "It has ended": "已结束",
    "This rule no longer applies to the shop": "该规则不再适用于此店铺",
    "This rule no longer applies to order {order}": "该规则不再适用于订单 {order}",
    "{rule} has no stage {stage} any more": "{rule} 已不再有“{stage}”这一档",
    "Order {order} was voided": "订单 {order} 已作废",
    "Order {order} has no deadline here any more": "订单 {order} 已不再有此期限",
    "Order {order} has until {due} now": "订单 {order} 的期限现为 {due}",
    "Order {order} is no longer under this deadline": "订单 {order} 已不受此期限约束",
    "Order {order} was shipped {late}": "订单 {order} 已发货，{late}",
    "Order {order} was collected {late}": "订单 {order} 已揽收，{late}",
    "Order {order} was scanned {late}": "订单 {order} 已有物流扫描，{late}",
    "Order {order} was delivered {late}": "订单 {order} 已签收，{late}",
    "Order {order} was refunded": "订单 {order} 已退款",
    "Order {order} was refunded {late}": "订单 {order} 已退款，{late}",
    "Order {order} was returned": "订单 {order} 已退货",
    "Order {order} was returned {late}": "订单 {order} 已退货，{late}",
    "Order {order} was sent back": "订单 {order} 已退回",
    "Order {order} was sent back {late}": "订单 {order} 已退回，{late}",
    "Order {order} was placed {late}": "订单 {order} 已下单，{late}",
    "Order {order} has news {late}": "订单 {order} 已有物流更新，{late}",
    "Order {order} has another deadline {late}": "订单 {order} 的期限已变更，{late}",
    "Order {order} was not picked up": "订单 {order} 揽收失败",
    "Order {order} was not picked up {late}": "订单 {order} 揽收失败，{late}",
    "Order {order} was cancelled in part {late}": "订单 {order} 已部分取消，{late}",
    "Order {order} was cancelled": "订单 {order} 已取消",
    "Order {order} was cancelled {late}": "订单 {order} 已取消，{late}",
    "Order {order}: {what}": "订单 {order}：{what}",
    "It didn't happen, by what is known now": "据目前所知并未发生",
    "it didn't happen, by what is known now": "据目前所知并未发生",
    "It has been shown for its time": "展示期已满",
    "it has been shown for its time": "展示期已满",
    "Order {order} stays at {n} of {limit}": "订单 {order} 停留在 {n}，阈值 {limit}",
    "SKU {sku} is back at {value}; the limit is {limit}": "{sku} 回到 {value}；阈值为 {limit}",
    "Back at {value}; the limit is {limit}": "回到 {value}；阈值为 {limit}",
    "Back at {value} of {limit}": "回到 {value}，阈值 {limit}",
    "Back at {value} of {limit} points": "回到 {value} 分，阈值 {limit} 分",
    "Back at {value} of {limit}: {bad} of {all} orders": "回到 {value}，阈值 {limit}：{all} 单中有 {bad} 单",
    "Back at {value} of {limit}: {bad} of {all} orders ({of})": (
        "{of}：回到 {value}，阈值 {limit}：{all} 单中有 {bad} 单"
    ),
    "Back at {value}: {bad} of {all} orders": "回到 {value}：{all} 单中有 {bad} 单",
    "Back at {value}: {bad} of {all} orders ({of})": "{of}：回到 {value}：{all} 单中有 {bad} 单",
    "{period} ended at {value} of {limit}": "{period} 结束时为 {value}，阈值 {limit}",
    "{period} ended at {value} of {limit}: {bad} of {all} orders": (
        "{period} 结束时为 {value}，阈值 {limit}：{all} 单中有 {bad} 单"
    ),
    "{period} ended at {value} of {limit}: {bad} of {all} orders ({of})": (
        "{of}：{period} 结束时为 {value}，阈值 {limit}：{all} 单中有 {bad} 单"
    ),
    "{period} ended at {value}: {bad} of {all} orders": "{period} 结束时为 {value}：{all} 单中有 {bad} 单",
    "{period} ended at {value}: {bad} of {all} orders ({of})": "{of}：{period} 结束时为 {value}：{all} 单中有 {bad} 单",
    "No order counts any more": "已没有订单计入",
    "{kept} of {times} periods kept in a row": "{times} 期中已连续达标 {kept} 期",
    "Its period is over: {kept}": "统计期已结束：{kept}",
    "Back: {kept}": "已回落：{kept}",
    "{period} ended at {value} of {limit}; {kept}": "{period} 结束时为 {value}，阈值 {limit}；{kept}",
    "Back at {value} of {limit}; {kept}": "回到 {value}，阈值 {limit}；{kept}",
    "{sanction} has ended": "{sanction}已结束",
    "{sanction} has ended; back at {n} of {limit}": "{sanction}已结束；回到 {n}，阈值 {limit}",
    "{sanction} has ended; {n} points now": "{sanction}已结束；现为 {n} 分",
    "{sanction} was taken back; {n} points now": "{sanction}已撤销；现为 {n} 分",
    "The sanction was taken back; {n} points now": "处罚已撤销；现为 {n} 分",
    "The next step was reached with {n} points": "已扣 {n} 分，进入下一档",
    "All points are cleared: 0 of {limit}": "扣分已全部清零：0，阈值 {limit}",
    "The price of {sku} has held long enough": "{sku} 的价格已保持足够时间",
    "The promotion of {sku}, or its price, was changed": "{sku} 的活动或价格已变更",
    "The carrier is no longer in trouble": "承运商已恢复正常",
    "{where} is no longer in trouble": "{where} 已恢复正常",
    "All is done, {late}": "已全部完成，{late}",
    "All is done for order {order}, {late}": "订单 {order} 的任务已全部完成，{late}",
    "Not done: {left}; it is shown no longer": "未完成：{left}；不再展示",
    "Not done for order {order}: {left}; it is shown no longer": "订单 {order} 未完成：{left}；不再展示",
    "Nothing was owed after all": "实际上无须处理",
    "Nothing was owed for order {order} after all": "订单 {order} 实际上无须处理",
}
"""What is said in English beside the packs: by the kinds of rules, above all of what ended an alert."""


class Translations:
    """`chinese` is by English phrase; with {names} they are patterns, of which the one with most of its own counts.
    `{n}` stands for a number alone."""

    def __init__(self, chinese: Mapping[str, str]) -> None:
        whole = {**COMMON, **chinese}
        self._exact = {english: text for english, text in whole.items() if "{" not in english}
        patterns = sorted((each for each in whole if "{" in each), key=lambda each: -len(re.sub("{.*?}", "", each)))
        self._patterns = [(_pattern(english), whole[english]) for english in patterns]

    def chinese(self, text: str) -> str | None:
        """The text in Chinese; None where there is no phrase for it."""
        if (exact := self._exact.get(text)) is not None:
            return exact
        for pattern, chinese in self._patterns:
            if found := pattern.fullmatch(text):
                return chinese.format(**{name: self.chinese(part) or part for name, part in found.groupdict().items()})
        return None


def _pattern(phrase: str) -> re.Pattern[str]:
    parts, seen = [], set[str]()
    for literal, name, _, _ in Formatter().parse(phrase):
        parts.append(re.escape(literal))
        if name is not None:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>{'[-+.e0-9]+' if name == 'n' else '.+?'})")
            seen.add(name)
    return re.compile("".join(parts), re.DOTALL)
