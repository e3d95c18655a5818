/// Who may publish to a quorum queue with `reject-publish`.
///
/// Such a queue takes what comes, too much of it as well, and tells its publishers to stop then, and to go on when it holds no more
/// than four fifths of what it may. Who comes meanwhile is told at once, and stops only if it holds too much at that moment.
struct PublishGate: Sendable {
    private(set) var isShut = false
    /// How often it was shut.
    private var round: UInt64 = 0

    /// What a publisher knows: from which round on it is told.
    struct Ticket: Sendable { fileprivate let round: UInt64 }

    /// A publisher comes.
    ///
    /// - Parameter isOver: Whether the queue holds too much.
    /// - Returns: What it keeps.
    mutating func join(isOver: Bool) -> Ticket {
        defer { if isOver { self.shut() } }
        return Ticket(round: self.round)
    }

    func refuses(_ ticket: Ticket) -> Bool { self.isShut && ticket.round < self.round }

    /// What the queue holds has changed.
    ///
    /// - Parameters:
    ///   - isOver: Whether that is too much.
    ///   - isLow: Whether that is four fifths of it or less.
    mutating func note(isOver: Bool, isLow: Bool) {
        if isOver { self.shut() } else if isLow { self.isShut = false }
    }

    private mutating func shut() {
        self.isShut = true
        self.round += 1
    }
}
