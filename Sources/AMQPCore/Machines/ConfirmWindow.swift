/// The publishes of a confirm channel that the broker has not answered, in order of their sequence numbers
/// (C46-C49): each with what its owner wants to have back.
///
/// Confirms may come out of order, single or multiple, in any mix.
package struct ConfirmWindow<Context: Sendable>: Sendable {
    private struct Entry: Sendable {
        var context: Context?  // nil once answered
        var returned = false
    }

    private var base: UInt64 = 1
    private var entries: ContiguousArray<Entry> = []
    private var head = 0
    package private(set) var pending = 0

    package init() {}

    /// The number that the next publish on the channel gets.
    package var nextSequence: UInt64 { self.base + UInt64(self.entries.count - self.head) }

    /// A publish was appended to the outbox; its number is ``nextSequence`` of before the call.
    package mutating func published(_ context: Context) {
        self.entries.append(Entry(context: context))
        self.pending += 1
    }

    private func index(_ sequence: UInt64) -> Int? {
        guard sequence >= self.base, sequence < self.nextSequence else { return nil }
        return self.head + Int(sequence - self.base)
    }

    package enum ReturnedAction: Equatable, Sendable { case matched, unknown }
    /// The publish with this number came back; its verdict is given with the ack that follows (C49).
    package mutating func returned(_ sequence: UInt64) -> ReturnedAction {
        guard let index = self.index(sequence), self.entries[index].context != nil else { return .unknown }
        self.entries[index].returned = true
        return .matched
    }

    /// The same for the first one that is like this.
    package mutating func returned(where matches: (Context) -> Bool) {
        let index = self.entries[self.head...].firstIndex { $0.context.map(matches) ?? false && !$0.returned }
        if let index { self.entries[index].returned = true }
    }

    package enum ConfirmReceivedAction: Equatable, Sendable { case settled(Int), unknown }
    /// The broker acked or nacked `tag`, or everything up to it; tag 0 with `multiple` is everything.
    package mutating func confirmReceived(
        _ tag: UInt64,
        multiple: Bool,
        positive: Bool,
        _ settle: (Context, ConfirmVerdict) -> Void
    ) -> ConfirmReceivedAction {
        let last = tag == 0 && multiple ? self.nextSequence - 1 : tag
        guard last >= 1, last < self.nextSequence else { return .unknown }
        var count = 0
        if let lastIndex = self.index(last) {
            for index in (multiple ? self.head : lastIndex)...lastIndex {
                guard let context = self.entries[index].context else { continue }
                let verdict: ConfirmVerdict =
                    if !positive { .refused } else if self.entries[index].returned { .returned } else { .confirmed }
                self.entries[index].context = nil
                self.pending -= 1
                count += 1
                settle(context, verdict)
            }
        }
        self.dropAnsweredFront()
        return .settled(count)
    }

    /// The channel ended: everything pending is unknown, in order.
    package mutating func end(_ settle: (Context, ConfirmVerdict) -> Void) {
        for entry in self.entries[self.head...] {
            if let context = entry.context { settle(context, .unknown) }
        }
        self = ConfirmWindow()
    }

    private mutating func dropAnsweredFront() {
        while self.head < self.entries.count, self.entries[self.head].context == nil {
            self.head += 1
            self.base += 1
        }
        if self.head == self.entries.count {
            self.entries.removeAll(keepingCapacity: true)
            self.head = 0
        } else if self.head >= 1024, self.head * 2 > self.entries.count {
            self.entries.removeFirst(self.head)
            self.head = 0
        }
    }
}
