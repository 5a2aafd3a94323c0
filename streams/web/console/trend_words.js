// Words of the trends, and of figures against yesterday's.

export const ENGLISH = {
  trends: "Trends", noTrends: "No daily values yet: the first is written within ten minutes, then one for each day.",
  trendsFailed: "No trends: {why}", nothingCounted: "None of its rules counts a ratio or points.", tryAgain: "Try again", trendNothing: "{name}: nothing was counted",
  trendTold: "{name}: {first} on {from}, {last} on {to}, {threshold}", trendToldOne: "{name}: {last} on {to}, {threshold}", noThreshold: "no threshold",
  fromTo: "{before} → {now}", atStake: "at stake", openCount: "open alerts", crossed: "crossed its threshold", crossedBack: "back within its threshold", gotWorse: "worse", gotBetter: "better", alertsChanged: "Alerts",
  noYesterday: "No daily values of yesterday yet to compare with.", nothingMoved: "No ratio and no points have moved.", moreMoved: "{n} more moved",
  yesterdayFailed: "No comparison with yesterday: {why}", yesterdayOld: "As of {at}; it could not be compared since: {why}",
};

export const CHINESE = {
  trends: "趋势", noTrends: "尚无每日数据：首条将在十分钟内写入，此后每天一条。",
  trendsFailed: "无趋势：{why}", nothingCounted: "没有规则对该店铺统计比率或扣分。", tryAgain: "重试", trendNothing: "{name}：无计数",
  trendTold: "{name}：{from} 为 {first}，{to} 为 {last}，{threshold}", trendToldOne: "{name}：{to} 为 {last}，{threshold}", noThreshold: "无阈值",
  fromTo: "{before} → {now}", atStake: "风险金额", openCount: "未解除预警", crossed: "越过阈值", crossedBack: "已回到阈值内", gotWorse: "变差", gotBetter: "好转", alertsChanged: "预警",
  noYesterday: "尚无昨日数据可供比较。", nothingMoved: "比率和扣分均无变动。", moreMoved: "另有 {n} 项变动",
  yesterdayFailed: "无法与昨日比较：{why}", yesterdayOld: "以上为 {at} 的数据，此后无法比较：{why}",
};
