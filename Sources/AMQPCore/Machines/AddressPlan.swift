/// When which of a name's addresses is tried: the first that opens a connection wins, and none keeps us from the next.
///
/// A try goes on until the deadline of them all: a broker that is slow is not given up for a neighbour that is slow too.
/// The next one starts beside it when its share of the time is over, soon where not even TCP answers, or at once when it
/// has failed.
package struct AddressPlan: Equatable, Sendable {
    /// How long TCP may take before the next address is tried too, in nanoseconds (RFC 8305 §5).
    package static let tcpPatience: UInt64 = 250_000_000

    private let count: Int
    private let deadline: UInt64
    private let share: UInt64
    private var next = 0
    private var due: UInt64
    private var running: Set<Int> = []
    private var connected: Set<Int> = []
    private var failures: [(index: Int, error: AMQPError)] = []

    /// - Parameters:
    ///   - count: Of the addresses, 1 or more.
    ///   - now: In nanoseconds.
    ///   - deadline: When it is too late.
    package init(count: Int, now: UInt64, deadline: UInt64) {
        self.count = count
        self.deadline = deadline
        self.share = deadline > now ? (deadline - now) / UInt64(max(count, 1)) : 0
        self.due = now
    }

    package enum Step: Equatable, Sendable {
        case start(Int)
        /// Until something happens, or this time.
        case wait(until: UInt64?)
        case fail(AMQPError)
    }

    /// What to do now.
    package mutating func step(now: UInt64) -> Step {
        if self.next < self.count, self.running.isEmpty || now >= self.due {
            defer { self.next += 1 }
            self.running.insert(self.next)
            self.due = now &+ min(self.share, Self.tcpPatience)
            return .start(self.next)
        }
        if self.running.isEmpty { return .fail(self.verdict) }
        return .wait(until: self.next < self.count ? self.due : nil)
    }

    /// TCP answers at this address.
    package mutating func connected(_ index: Int, now: UInt64) {
        self.connected.insert(index)
        if index == self.next - 1 { self.due = now &+ self.share }
    }

    /// An address can not be used.
    package mutating func failed(_ index: Int, _ error: AMQPError) {
        guard self.running.remove(index) != nil else { return }
        self.failures.append((index, error))
        self.due = 0
    }

    /// The most telling failure: a refusal says more than silence, and silence more than no connection at all.
    private var verdict: AMQPError {
        let told = self.failures.filter { self.connected.contains($0.index) }.map(\.error)
        return told.first { $0.code != .timeout } ?? told.first ?? self.failures.first?.error
            ?? AMQPError(.connectionLost, scope: .connection, text: "no address")
    }

    package static func == (one: AddressPlan, other: AddressPlan) -> Bool {
        one.next == other.next && one.due == other.due && one.running == other.running
            && one.connected == other.connected && one.failures.map(\.index) == other.failures.map(\.index)
    }
}
