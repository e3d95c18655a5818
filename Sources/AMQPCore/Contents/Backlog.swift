/// Deliveries that wait for the owner of their channel.
package struct Backlog: Sendable, Equatable {
    package var count: Int
    /// Octets that they stand for where memory is bounded.
    package var bytes: Int

    package init(count: Int = 0, bytes: Int = 0) {
        self.count = count
        self.bytes = bytes
    }

    init(_ batch: DeliveryBatch) { self.init(count: batch.records.count, bytes: batch.weight) }

    static func += (all: inout Backlog, more: Backlog) {
        all.count += more.count
        all.bytes += more.bytes
    }

    static func + (one: Backlog, other: Backlog) -> Backlog {
        Backlog(count: one.count + other.count, bytes: one.bytes + other.bytes)
    }

    static func -= (all: inout Backlog, less: Backlog) {
        all.count -= less.count
        all.bytes -= less.bytes
    }
}

/// What bounds the deliveries that a broker may have out to one channel.
enum DeliveryBound: Sendable, Equatable {
    /// The prefetch limits of all consumers that were started on it; 0 before the first.
    case prefetch(Int)
    /// Nothing but TCP: a consumer without acks, or without a limit of its own.
    case tcp
}

/// How much may wait for the owners of channels, in octets.
///
/// - A channel whose consumers have a prefetch may hold as many messages as that, of any size: its owner asked for them.
///   A broker that sends more than twice as many breaks the protocol, once they are more than ``channel`` octets. Twice,
///   since a queue that moves to another node gives out again what it gave out before.
/// - What only TCP bounds (no prefetch, no acks, returned messages) stops the reading of the socket above ``channel`` for
///   one channel, or ``connection`` for all of them. That holds up the neighbours until an owner has made room.
/// - While somebody waits for an answer reading goes on up to ``channelWhileAwaiting`` and ``connectionWhileAwaiting``: the
///   one who waits may be the one who is to make room.
/// - Who waits for an answer on the very channel that is flooded can not make room, so that channel ends.
enum WaitingLimit {
    static let channel = 64 << 20
    static let connection = 256 << 20
    static let channelWhileAwaiting = 256 << 20
    static let connectionWhileAwaiting = 512 << 20
    /// Deliveries above twice the prefetch.
    static let margin = 16
    /// Messages that may come back beyond those that were published as mandatory, on a number that another channel had
    /// before: they may be of that one.
    static let strayReturns: UInt64 = 65_536
}

/// How the peer broke what bounds a channel.
package enum FloodOffence: Sendable, Equatable {
    case prefetchIgnored(waiting: Int, limit: Int)
    case answerBehindDeliveries(bytes: Int)
    case returnsWithoutPublish

    var text: String {
        switch self {
        case .prefetchIgnored(let waiting, let limit):
            "the broker sent more than its consumers' prefetch allows: \(waiting) deliveries wait, the limit is \(limit)"
        case .answerBehindDeliveries(let bytes):
            "\(bytes >> 20) MiB of deliveries came before the answer that the channel's owner waits for;"
                + " a prefetch would bound them"
        case .returnsWithoutPublish:
            "the broker returned more messages than were published as mandatory"
        }
    }
}

/// What a channel's owner has not looked at yet, and whether the peer went too far.
package struct MailboxStanding: Sendable, Equatable {
    /// Octets that nothing but TCP bounds.
    package var unboundedBytes = 0
    package var offence: FloodOffence?
}
