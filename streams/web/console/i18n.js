// English and Chinese. What packs say in words of their own is translated as they say; else it is shown as it is there.

import { inChinese, titlesOfClause, titlesOfRule } from "./names.js";
import { WORDS } from "./words_zh.js";
import * as orderWords from "./order_words.js";
import * as trendWords from "./trend_words.js";

const ENGLISH = {
  ...orderWords.ENGLISH, ...trendWords.ENGLISH,
  "today.title": "Today", tasks: "What to do first", costsMost: "What costs most", sinceYesterday: "Since yesterday",
  noTasks: "Nothing to do: no shop that is watched is in trouble.", noCosts: "Nothing costs anything: no sanction, no money at stake, no alert.",
  noChanges: "No alert was opened, got worse or was resolved in the last 24 hours.",
  "changed.opened": "{n} opened", "changed.worse": "{n} got worse", "changed.resolved": "{n} resolved",
  ordersWait: "{n} {n|order waits|orders wait}", parcelsWait: "{n} {n|parcel waits|parcels wait}", savesOf: "shipping {n} saves {what}",
  savesHint: "What shipping all of this shop's orders that wait saves, and how many of them save anything.",
  title: "shipclock",
  shops: "Shops at risk", alerts: "Alerts", due: "Ship next", search: "Search shop, order, rule", searchShort: "Search", all: "all platforms",
  critical: "critical", warning: "warning", info: "info", ok: "calm", none: "—", muted: "muted", showMuted: "Show muted",
  showResolved: "Show resolved", live: "live", away: "reconnecting", connecting: "connecting", theme: "Theme", help: "Keys",
  language: "中文", languageName: "中文: switch to Chinese", open: "open", resolved: "resolved",
  noShops: "No shop has been heard of yet.", noAlerts: "Nothing is open: no shop that is watched is in trouble.",
  nothingYet: "No event has come yet. They are read from the topics orders, pickups, tracking and shops.",
  nothingFound: "Nothing fits what is searched for and filtered by.", clearFilters: "Clear search and filters",
  nothingKnown: "Of {n} {n|shop|shops} nothing is known: no rule watches {n|it|them}, or nothing has been heard of {n|it|them}.",
  allMuted: "Nothing else is open: {n} {n|alert is|alerts are} muted.", unwatched: "not watched", silent: "silent",
  unwatchedHint: "No rule is for this shop, so nothing of it raises an alert. Look at its platform's name, its site and the packs in use.",
  unheard: "no order yet", unheardHint: "Its feed works, but nothing has been heard of its orders, so nobody knows how it stands.",
  silentSince: "no news since {at}", silentHint: "No news of its orders for longer than it is usual for this shop: what is shown may be out of date.",
  awaySince: "No answer from the worker since {at}; what you see is of then.",
  kafkaSince: "Kafka has not answered the worker since {at}; what you see is of then, and no alert comes until it does.",
  sort: "Order", "sort.cost": "costliest first", "sort.count": "most alerts first", "sort.oldest": "oldest first", "sort.due": "earliest deadline first",
  oldest: "Oldest", nextDue: "Earliest deadline", oldestFor: "oldest {time}", alertCount: "{n} {n|alert|alerts}", showMore: "Show more",
  acknowledgedCount: "{n} acknowledged", mutedCount: "{n} muted", sayOfAll: "Acknowledge or mute all",
  groupHint: "What you say holds for each alert of this group that is open now ({n}), until it gets worse.", onlyShop: "Only {shop}: show all shops", noDue: "Nothing waits to be shipped.",
  chase: "Chase the carrier", noChase: "No parcel waits for its carrier's scan.", carrier: "Carrier", trackingNo: "Tracking number",
  unlisted: "{n} more {n|waits|wait}; the pick list has all of them.",
  more: "{n} more", calmShops: "{n} calm", openAlerts: "{n} open", headroom: "{n} more fit", over: "{n} too many", toGo: "{n} to go", past: "{n} past", atLimit: "at the limit", countsAgain: "counts again once the sanction ends", spare: "{n} to spare", short: "short by {n}",
  reported: "platform shows {value}", pointsOf: "{n} of {at} {at|point|points}, then {tier}",
  forecast: "{value} if nothing ships", forecastAt: "{value} on {at} if nothing ships", ifSilent: "{value} if the carriers stay silent too", of: "{n} of {d}", exposure: "at stake now", exposureHint: "What the penalties that are reached by now would take, as counted at this moment.",
  byAlerts: "its alerts: {what}", byAlertsHint: "What the open alerts cost together, each as of its newest record. A figure that moves by less than a tenth makes no new record, so this may differ a little from the live one.", points: "{n} {n|point|points}",
  ledger: "Ledger {name}", resets: "resets {at}", since: "since {at}", until: "until {at}", forGood: "for good", sanction: "Sanction",
  threshold: "threshold", window: "window {from} – {to}", dueIn: "in {time}", overdue: "{time} over",
  evidence: "Evidence", trail: "Trail", penalty: "What it costs", actions: "What to do", close: "Close",
  acknowledge: "Acknowledge", mute: "Mute", lift: "Lift", acknowledgedBy: "Acknowledged by {by}", mutedBy: "Muted by {by}",
  somebody: "somebody", comment: "Comment", by: "Your name", end: "Until", noEnd: "no end", usualEnd: "no end; muted for 1 day", hours1: "1 hour", hours4: "4 hours",
  hours24: "1 day", days7: "7 days", ownEnd: "a time of my own…", worseHint: "Ends by itself when the alert gets worse.",
  muteHint: "Muted alerts leave the list until then.", judgement: "judgement {n}", shop: "Shop", order: "Order",
  rule: "Rule", clause: "Clause", opened: "Opened", dueAt: "Due", value: "Value", saves: "Saves", warehouse: "Warehouse",
  tokenTitle: "This console needs its token", token: "Token", tokenHint: "It is kept until this tab is closed.", enter: "Enter", tokenWrong: "That token is wrong.",
  letters: "{n} not read", lettersTitle: "Records that could not be read", lettersHint: "They lie in the topic dead-letters, the newest first. `shipclock dead-letters` lists all of them, and sends them again after a fix.",
  failed: "That did not work: {why}", loading: "Reading…", gone: "This alert is no longer at hand.",
  keyMove: "next, previous group or alert", keyOpen: "open it, or close a group", keyAck: "acknowledge", keyMute: "mute", keySearch: "search", keyClose: "close",
  says: "What the rule says", ruleSource: "Source", "confidence.article": "from the article", "confidence.platform_help": "from the platform's help pages", "confidence.ours": "our reading", ruleLink: "The platform's page",
  itsAlerts: "Its alerts", keyHelp: "this list", keyTabs: "today, shops, alerts, ship next", skip: "Skip to alerts",
  feed: "Feed", "feed.healthy": "healthy", "feed.late": "late", "feed.silent": "silent", "feed.lateSince": "feed late since {at}",
  "feed.silentSince": "feed silent since {at}", "feed.unheard": "No news for longer than usual: what is shown may be out of date.",
  "feed.by.push": "{source}, pushed ({app})", "feed.by.poll": "{source}, polled ({app})", "feed.never": "never heard of",
  "feed.heard.push": "last push {at}", "feed.heard.poll": "last read {at}",
  "stage.due_soon": "due soon", "stage.overdue": "overdue", "stage.near": "near threshold", "stage.crossed": "past threshold",
  "stage.active": "sanction in force", "type.alert.opened": "opened", "type.alert.updated": "changed", "type.alert.resolved": "resolved",
  "to.warehouse": "Warehouse", "to.purchasing": "Purchasing", "to.listing": "Listing", "to.customer_service": "Customer service", "to.finance": "Finance",
};

const CHINESE = {
  ...orderWords.CHINESE, ...trendWords.CHINESE,
  "today.title": "今日", tasks: "首要事项", costsMost: "代价最大", sinceYesterday: "较昨日",
  noTasks: "无待办事项：受监控的店铺均无异常。", noCosts: "没有任何损失：无处罚、无涉及金额、无预警。",
  noChanges: "过去 24 小时内没有新增、恶化或解除的预警。",
  "changed.opened": "新增 {n} 条", "changed.worse": "恶化 {n} 条", "changed.resolved": "解除 {n} 条",
  ordersWait: "{n} 单待发", parcelsWait: "{n} 个包裹待扫描", savesOf: "发出 {n} 单可挽回 {what}",
  savesHint: "发出该店铺全部待发订单可挽回的损失，以及其中有助挽回的单数。",
  title: "shipclock",
  shops: "风险店铺", alerts: "预警", due: "优先发货", search: "搜索店铺、订单、规则", searchShort: "搜索", all: "全部平台",
  critical: "严重", warning: "警告", info: "提示", ok: "正常", none: "—", muted: "已静音", showMuted: "显示已静音",
  showResolved: "显示已解除", live: "实时", away: "重新连接中", connecting: "连接中", theme: "主题", help: "快捷键",
  language: "EN", languageName: "EN：切换到英文", open: "未解除", resolved: "已解除",
  noShops: "尚无店铺数据。", noAlerts: "没有未解除的预警：受监控的店铺均无异常。",
  nothingYet: "尚未收到任何事件。事件从主题 orders、pickups、tracking、shops 读取。",
  nothingFound: "没有符合搜索和筛选条件的内容。", clearFilters: "清除搜索和筛选",
  nothingKnown: "另有 {n} 家店铺情况不明：没有规则监控，或久无消息。",
  allMuted: "其余均已静音：{n} 条预警。", unwatched: "未监控", silent: "无消息",
  unwatchedHint: "没有适用于该店铺的规则，不会产生任何预警。请检查平台名称、站点和所用规则包。",
  unheard: "尚无订单", unheardHint: "数据接入正常，但尚未收到任何订单，因此情况不明。",
  silentSince: "自 {at} 起无消息", silentHint: "该店铺订单久无消息，超出往常间隔，所示数据可能已过时。",
  awaySince: "自 {at} 起工作进程无响应，所示为当时的数据。",
  kafkaSince: "自 {at} 起 Kafka 无响应，所示为当时的数据，恢复前不会有新预警。",
  sort: "排序", "sort.cost": "代价最大在前", "sort.count": "条数最多在前", "sort.oldest": "最早在前", "sort.due": "期限最早在前",
  oldest: "最早", nextDue: "最早期限", oldestFor: "最早 {time}", alertCount: "{n} 条预警", showMore: "显示更多",
  acknowledgedCount: "已确认 {n} 条", mutedCount: "已静音 {n} 条", sayOfAll: "全部确认或静音",
  groupHint: "对该组当前未解除的 {n} 条预警全部生效，每条在恶化时自动失效。", onlyShop: "仅 {shop}：显示全部店铺", noDue: "没有待发货订单。",
  chase: "催承运商揽收", noChase: "没有等待承运商扫描的包裹。", carrier: "承运商", trackingNo: "运单号",
  unlisted: "另有 {n} 单等待处理，全部见拣货单。",
  more: "还有 {n} 条", calmShops: "{n} 家正常", openAlerts: "{n} 条未解除", headroom: "还可容 {n}", over: "已超 {n}", toGo: "还差 {n}", past: "已超 {n}", atLimit: "已到上限", countsAgain: "处罚结束后重新计数", spare: "余 {n}", short: "缺 {n}",
  reported: "平台显示 {value}", pointsOf: "已扣 {n} 分，满 {at} 分{tier}",
  forecast: "若不发货将达 {value}", forecastAt: "若不发货，{at} 达 {value}", ifSilent: "若承运商也无更新则达 {value}", of: "{n} / {d}", exposure: "当前风险金额", exposureHint: "按此刻计数，已触发的处罚将扣除的金额。",
  byAlerts: "预警合计：{what}", byAlertsHint: "未解除预警的代价合计，以各预警最近一次记录为准；变动不足一成时不更新记录，因此可能与实时数值略有出入。", points: "{n} 分",
  ledger: "扣分 {name}", resets: "{at} 清零", since: "自 {at}", until: "至 {at}", forGood: "永久", sanction: "处罚",
  threshold: "阈值", window: "统计期 {from} – {to}", dueIn: "剩 {time}", overdue: "已过 {time}",
  evidence: "证据", trail: "变更记录", penalty: "代价", actions: "处理建议", close: "关闭",
  acknowledge: "确认", mute: "静音", lift: "撤销", acknowledgedBy: "{by} 已确认", mutedBy: "{by} 已静音",
  somebody: "有人", comment: "备注", by: "姓名", end: "截止", noEnd: "不限", usualEnd: "不限；静音 1 天", hours1: "1 小时", hours4: "4 小时",
  hours24: "1 天", days7: "7 天", ownEnd: "自定时间…", worseHint: "情况恶化时自动失效。",
  muteHint: "静音期间不在列表中显示。", judgement: "第 {n} 次判定", shop: "店铺", order: "订单",
  rule: "规则", clause: "条款", opened: "开始", dueAt: "期限", value: "数值", saves: "可挽回", warehouse: "仓库",
  tokenTitle: "请输入访问令牌", token: "令牌", tokenHint: "仅保留到关闭此标签页。", enter: "进入", tokenWrong: "令牌不正确。",
  letters: "{n} 条无法读取", lettersTitle: "无法读取的记录", lettersHint: "它们保存在主题 dead-letters 中，最新的在前。用 `shipclock dead-letters` 可列出全部，并在修复后重新发送。",
  failed: "操作失败：{why}", loading: "读取中…", gone: "该预警已无法查看。",
  keyMove: "下一条、上一条", keyOpen: "打开，或收起分组", keyAck: "确认", keyMute: "静音", keySearch: "搜索", keyClose: "关闭",
  says: "规则说明", ruleSource: "来源", "confidence.article": "来自文章", "confidence.platform_help": "来自平台帮助页面", "confidence.ours": "我方解读", ruleLink: "平台页面",
  itsAlerts: "查看预警", keyHelp: "本列表", keyTabs: "今日、店铺、预警、优先发货", skip: "跳到预警",
  feed: "数据接入", "feed.healthy": "正常", "feed.late": "延迟", "feed.silent": "中断", "feed.lateSince": "自 {at} 起数据延迟",
  "feed.silentSince": "自 {at} 起数据中断", "feed.unheard": "久未收到消息，所示数据可能已过时。",
  "feed.by.push": "{source} 推送（{app}）", "feed.by.poll": "{source} 轮询（{app}）", "feed.never": "从未收到",
  "feed.heard.push": "最近推送 {at}", "feed.heard.poll": "最近读取 {at}",
  "stage.due_soon": "即将超时", "stage.overdue": "已超时", "stage.near": "接近阈值", "stage.crossed": "超过阈值",
  "stage.active": "处罚生效中", "type.alert.opened": "开始", "type.alert.updated": "变化", "type.alert.resolved": "解除",
  "to.warehouse": "仓库", "to.purchasing": "采购", "to.listing": "商品", "to.customer_service": "客服", "to.finance": "财务",
  "reason.deadline_near": "期限临近", "reason.deadline_passed": "期限已过", "reason.happened": "已发生", "reason.judged_again": "再次判定",
  "reason.went_silent": "物流停更", "reason.threshold_near": "接近阈值", "reason.threshold_crossed": "超过阈值",
  "reason.sanction_started": "处罚开始", "reason.fulfilled": "已完成", "reason.cancelled": "已取消", "reason.deadline_moved": "期限变更",
  "reason.evidence_arrived": "补到证据", "reason.fell_back": "回落", "reason.period_ended": "统计期结束", "reason.sanction_ended": "处罚结束",
  "reason.no_longer_applies": "不再适用", "reason.too_many": "过多，合并计数", "reason.voided": "订单已作废", "reason.figures_moved": "数值变动", "reason.done": "已完成", "reason.points_posted": "扣分入账", "reason.points_expired": "扣分清除",
  "do.ship_first": "优先发货", "do.tell_buyer": "告知买家", "do.ship_oldest_first": "先发最早的订单", "do.pause_slow_products": "暂停慢发商品",
  "do.hand_over_to_carrier": "交付承运商", "do.ask_carrier": "询问承运商", "do.check_deposit": "检查保证金", "do.offer_refund": "提议退款",
  "do.settle_with_buyer": "与买家协商", "do.restock": "补货", "do.delist": "下架", "do.delist_out_of_stock": "下架缺货商品", "do.top_up_deposit": "补缴保证金",
  "do.offer_alternative": "提供替代品", "do.review_chats": "检查聊天记录", "do.print_platform_labels": "使用平台面单", "do.turn_preorders_into_stock": "预售转现货",
  "do.switch_to_express_line": "改用快线", "do.switch_to_backup_line": "改用备用线路", "do.switch_carrier": "更换承运商", "do.ship_with_platform_logistics": "使用平台物流",
  "do.ship_from_overseas_warehouse": "海外仓发货", "do.settle_returns": "处理退货", "do.settle_disputes": "处理纠纷", "do.secure_declared_stock": "锁定已申报库存",
  "do.review_listings": "检查商品刊登", "do.replace_banned_product": "替换被禁商品", "do.raise_safety_stock": "提高安全库存", "do.prepare_for_frozen_funds": "预备资金冻结",
  "do.post_notice": "店铺公告", "do.plan_for_frozen_account": "预备账户冻结", "do.plan_for_disabled_account": "预备账户停用", "do.phone_key_customers": "致电重点客户",
  "do.pause_badly_rated_products": "暂停低评分商品", "do.notify_buyer_with_alternative": "告知买家并提供替代", "do.move_promotion": "调整活动时间",
  "do.message_customers_with_alternatives": "群发替代方案", "do.mend_tracking_number": "更正运单号", "do.mend_return_address": "更正退货地址",
  "do.mend_promotion_price": "更正活动价", "do.mend_listing": "更正刊登", "do.inspect_before_shipping": "发货前检查", "do.expect_less_traffic": "流量将下降",
  "do.declare_only_what_is_packed": "仅申报已打包订单", "do.compensate_buyers": "补偿买家", "do.check_tracking_numbers": "核对运单号", "do.check_fees": "核对费用",
  "do.automate_order_processing": "订单处理自动化", "do.appeal": "申诉", "do.answer_complaints": "回复投诉", "do.add_second_supplier": "增加供应商",
  "field.placed": "下单", "field.shipped": "发货", "field.collected": "揽收", "field.scanned": "扫描", "field.news": "最近动态",
  "field.delivered": "签收", "field.cancelled": "取消", "field.deadline_moved": "期限变更", "field.due_at": "期限", "field.deadline_from": "期限来源",
  "field.at": "时间", "field.source": "来源", "field.event": "事件", "field.numerator": "分子", "field.denominator": "分母",
  "field.window": "统计期", "field.from": "起", "field.to": "止", "field.orders": "订单", "field.total": "合计", "field.facts": "事实",
};

const LANGUAGE = "shipclock-language";
const remembered = localStorage.getItem(LANGUAGE);
export let language = remembered ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
const locale = () => (language === "zh" ? "zh-CN" : undefined);

export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem(LANGUAGE, language);
  formats.clear();
}

// The text of a key with its {names} put in; of {n|order|orders} the word that goes with the number.
export function t(key, values = {}) {
  const text = (language === "zh" ? CHINESE[key] : undefined) ?? ENGLISH[key] ?? key;
  return text.replace(/{(\w+)(?:\|([^|}]*)\|([^}]*))?}/g, (_, name, one, many) => (many === undefined ? values[name] ?? "" : String(values[name]) === "1" ? one : many));
}

// Names in a row: "this, that".
export const listed = (names) => names.join(language === "zh" ? "、" : ", ");

// A word of the worker's own (a stage, a reason, an action), translated if it is known, else spelled out.
export function word(kind, code) {
  const key = `${kind}.${code}`;
  const found = (language === "zh" ? CHINESE[key] ?? WORDS[key] : undefined) ?? ENGLISH[key];
  return found ?? String(code).replaceAll("_", " ");
}

// A text of the evidence: a code of the worker's in Chinese where it is known, a name as it is.
export const evidenceText = (text) => (language === "zh" ? WORDS[`code.${text}`] ?? inChinese(text) : null) ?? text;

const formats = new Map();
function format(name, make) {
  if (!formats.has(name)) formats.set(name, make());
  return formats.get(name);
}

// What an alert is about, in a line.
export function summary(alert) {
  const told = language === "zh" ? inChinese(alert.data.summary) : alert.data.summary;
  if (told) return told.replace(INSTANT, (at) => moment(at));
  return alert.order ? `${alertTitle(alert)} · ${t("order")} ${alert.order}` : alertTitle(alert);
}

// What a pack calls a tier or a sanction, or says that a penalty does.
export const packText = (text) => (language === "zh" ? inChinese(text) : null) ?? text;

// A tier as what comes next: "frozen for 7 days".
export function tierText(name, days = null) {
  if (language === "zh" || days === null || /\d/.test(name.replace(/^tier \d+$/, ""))) return packText(name).replace(/ (\d+ days)$/, " for $1");
  return `${name} for ${number(days)} ${days === 1 ? "day" : "days"}`;
}

// The short names of an alert's rule, of a rule and of a clause; the id where there is no name.
export const alertTitle = ({ data }) => data.titles?.[language] || titlesOfRule(data.rule)?.[language] || data.clause;
export const ruleName = (id) => titlesOfRule(id)?.[language] ?? id;
export const clauseName = (id) => titlesOfClause(id)?.[language] ?? id;

const INSTANT = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

export function moment(at) {
  const short = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return format("moment", () => new Intl.DateTimeFormat(locale(), short)).format(new Date(at));
}

export function longMoment(at) {
  const long = { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" };
  return format("long", () => new Intl.DateTimeFormat(locale(), long)).format(new Date(at));
}

export function day(at) {
  return format("day", () => new Intl.DateTimeFormat(locale(), { month: "short", day: "numeric" })).format(new Date(at));
}

export function number(value, digits = 0) {
  return format(`number${digits}`, () => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits })).format(value);
}

export function percent(value) {
  return format("percent", () => new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 })).format(value);
}

export function money(amount, currency) {
  const exact = format("money", () => new Intl.NumberFormat(locale(), { minimumFractionDigits: 2, maximumFractionDigits: 2 }));
  return `${exact.format(amount)} ${currency ?? ""}`.trim(); // of a decimal in text, so nothing is rounded on the way
}

// "3 h 12 min"; only the two largest units, since nobody ships by the second.
export function span(ms) {
  const minutes = Math.floor(Math.abs(ms) / 60000);
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60];
  const units = language === "zh" ? ["天", "小时", "分"] : [" d", " h", " min"];
  const join = language === "zh" ? "" : " ";
  if (days) return `${days}${units[0]}${join}${hours}${units[1]}`;
  if (hours) return `${hours}${units[1]}${join}${String(rest).padStart(2, "0")}${units[2]}`;
  if (minutes) return `${minutes}${units[2]}`;
  return `${Math.floor(Math.abs(ms) / 1000)}${language === "zh" ? "秒" : " s"}`;
}
