// Generated from the schemas of `nexus` by `schema generate`; not to be edited.

/** Some of a line; lines are counted from 1. */
export interface OrderCancelledItem {
  line: number;
  quantity: number;
}

/** The limits keep every total far below the largest integer. */
export interface OrderCancelledLine {
  description?: string | null;
  productId: string;
  quantity: number;
  unitPriceMinor: number;
}

/** Nothing of the order is left. */
export interface OrderCancelled {
  amountMinor: number;
  reason?: string | null;
}

/** Some of a line; lines are counted from 1. */
export interface OrderItemsCancelledItem {
  line: number;
  quantity: number;
}

/** The limits keep every total far below the largest integer. */
export interface OrderItemsCancelledLine {
  description?: string | null;
  productId: string;
  quantity: number;
  unitPriceMinor: number;
}

/** Some items of an order are no longer wanted; the rest of it stays as it was. */
export interface OrderItemsCancelled {
  amountMinor: number;
  items: Array<OrderItemsCancelledItem>;
  reason?: string | null;
}

/** Some of a line; lines are counted from 1. */
export interface OrderPlacedItem {
  line: number;
  quantity: number;
}

/** The limits keep every total far below the largest integer. */
export interface OrderPlacedLine {
  description?: string | null;
  productId: string;
  quantity: number;
  unitPriceMinor: number;
}

/** A customer has placed an order; its lines and prices are fixed from here on. */
export interface OrderPlaced {
  country: string;
  customerId: string;
  lines: Array<OrderPlacedLine>;
  placedAt: string;
  totalMinor: number;
}

/** Some of a line; lines are counted from 1. */
export interface CancelItemsCommandItem {
  line: number;
  quantity: number;
}

/** Cancels some items of an order; cancelling all that is left cancels the order. */
export interface CancelItemsCommand {
  items: Array<CancelItemsCommandItem>;
  reason?: string | null;
}

/** Cancels all that is left of an order. */
export interface CancelOrderCommand {
  reason?: string | null;
}

/** The limits keep every total far below the largest integer. */
export interface PlaceOrderCommandLine {
  description?: string | null;
  productId: string;
  quantity: number;
  unitPriceMinor: number;
}

/** Places an order; now, unless it says when. */
export interface PlaceOrderCommand {
  country: string;
  customerId: string;
  lines: Array<PlaceOrderCommandLine>;
  placedAt?: string | null;
}

export type Event =
  | { eventType: "OrderCancelled"; payload: OrderCancelled }
  | { eventType: "OrderItemsCancelled"; payload: OrderItemsCancelled }
  | { eventType: "OrderPlaced"; payload: OrderPlaced };

export type Command =
  | { commandType: "CancelItems"; payload: CancelItemsCommand }
  | { commandType: "CancelOrder"; payload: CancelOrderCommand }
  | { commandType: "PlaceOrder"; payload: PlaceOrderCommand };
