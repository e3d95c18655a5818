/// A message in a queue, or in the hands of who took it from there.
package struct QueueEntry: Sendable {
    package let message: Message
    /// Where it stands: less than all that came after it.
    package let position: UInt64
    /// When it expires, in milliseconds; `UInt64.max` for never.
    let expiresAt: UInt64
    /// It was handed out before.
    package var isRedelivered = false
    /// How often it came back, as far as that counts toward the limit.
    package var deliveryCount = 0
    /// How often it was handed out and came back, whether that counts or not.
    package var acquiredCount = 0
}

/// Why a message left a queue other than to a consumer that acked it.
package enum Death: String, Sendable {
    case rejected, expired, maxlen
    case deliveryLimit = "delivery_limit"
}
