// What the built-in packs' clauses are about. Alerts carry a summary of their own in English, so the English names stand
// only where a shop's figures are listed. A clause that isn't here is shown by its id.

export const ENGLISH = {
  "joom-1": "shipped late", "joom-2": "late marks until sales are suspended", "joom-3": "not shipped this month", "joom-4": "not collected, or no news",
  "joom-5": "shop rating", "joom-6": "parcels on the platform's logistics", "joom-7": "days of stock", "joom-8": "what force majeure asks for",
  "joom-9": "backup routes", "joom-10": "shipped this quarter", "joom-11": "declared, not shipped", "joom-12": "disputes over unshipped orders", "joom-13": "fulfilment health",
  "ozon-1": "cancelled by the shop", "ozon-2": "handed over late", "ozon-3": "one cause of cancellations", "ozon-4": "reorder point", "ozon-5": "buyers to be told",
  "ali-1": "sold and not shipped", "ali-2": "non-sales", "ali-3": "monthly review", "ali-4": "points until frozen", "ali-5": "search rank", "laz-1": "points",
  "sho-1": "not fulfilled", "sho-2": "shipped late", "sho-3": "points of the week", "sho-4": "points of the quarter", "sho-5": "listing violations",
  "sho-6": "promotion too soon", "sho-7": "pre-orders among listings", "sho-8": "abusive chats", "sho-9": "prohibited items", "sho-10": "fake orders or goods", "sho-11": "false return address",
  "dy-1": "shipped late", "dy-2": "judged again", "dy-3": "points", "dy-4": "not collected", "dy-5": "one order judged too often", "dy-6": "fake shipment",
  "dy-7": "closes by itself", "dy-8": "late rate", "dy-9": "deposit to top up", "dy-10": "punished again and again",
  "tt-1": "dispatched late", "tt-2": "late dispatch rate", "tt-3": "cancelled by the shop", "tt-4": "valid tracking", "tt-5": "points",
};

export const CHINESE = {
  "joom-1": "下单后未按时发货", "joom-2": "累计迟发记录，停售处罚", "joom-3": "当月未发货率", "joom-4": "揽收超时或物流停更，按未发货计",
  "joom-5": "店铺评分过低", "joom-6": "自制面单或平台物流占比不足", "joom-7": "库存可售天数不足", "joom-8": "不可抗力通知任务",
  "joom-9": "物流应急切换", "joom-10": "连续季度发货率", "joom-11": "已申报未发货", "joom-12": "未发货纠纷率", "joom-13": "履约健康分",
  "ozon-1": "卖家原因取消率", "ozon-2": "逾时未交运", "ozon-3": "取消原因集中", "ozon-4": "低于安全库存", "ozon-5": "取消后须通知买家",
  "ali-1": "成交不卖", "ali-2": "成交不卖扣分", "ali-3": "月度考核扣分", "ali-4": "扣分冻结", "ali-5": "搜索降权", "laz-1": "扣分累计",
  "sho-1": "订单未完成率", "sho-2": "迟发货率", "sho-3": "周计分", "sho-4": "季度累计计分", "sho-5": "刊登违规", "sho-6": "调价后过早参加活动",
  "sho-7": "预售商品占比", "sho-8": "辱骂买家", "sho-9": "寄送禁运品", "sho-10": "虚假订单或假货", "sho-11": "虚假退货地址",
  "dy-1": "未按时发货", "dy-2": "逾时未发货再次判定", "dy-3": "违规扣分", "dy-4": "揽收超时", "dy-5": "同一订单多次迟发", "dy-6": "虚假发货",
  "dy-7": "超长未发货自动关闭", "dy-8": "迟发率影响商家分", "dy-9": "保证金待补缴", "dy-10": "屡罚不改，可能关店",
  "tt-1": "未按时发货", "tt-2": "迟发率", "tt-3": "卖家原因取消率", "tt-4": "有效追踪率", "tt-5": "扣分累计，可能关店",
};
