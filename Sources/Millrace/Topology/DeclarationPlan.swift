public import AMQPCore

/// What is to be declared, in which order, and how far that is.
///
/// A value: ``next()`` says what to ask, ``answered(_:_:)`` takes the answer. Whoever asks may have several questions
/// under way, and may go on for as long as something can still be had.
package struct DeclarationPlan: Sendable {
    private enum Phase: Equatable {
        case waiting(PlannedDeclaration.Question)
        case asked(PlannedDeclaration.Question)
        case decided(Standing)
    }
    /// Where an item stands that was asked for.
    package enum Standing: Equatable, Sendable {
        case there
        /// There, not as the file says, and used as it is; with the broker's words.
        case kept(AMQPError)
        /// Not there yet.
        case later(AMQPError)
        /// Not to be had until a person changes something.
        case refused(AMQPError)

        var isThere: Bool {
            switch self {
            case .there, .kept: true
            case .later, .refused: false
            }
        }
    }

    package let planned: [PlannedDeclaration]
    private let places: [TopologyItem: Int]
    /// The places of what each needs.
    private let needs: [[Int]]
    /// The places of each queue and its bindings.
    private let queues: [String: [Int]]
    private var phases: [Phase]
    /// Before it all is decided.
    private var start = 0
    /// Questions that the broker has answered, with a yes or a no.
    package private(set) var answers = 0

    /// - Parameter planned: In the order in which to ask.
    package init(_ planned: [PlannedDeclaration]) {
        let places = Dictionary(
            planned.enumerated().map { ($0.element.item, $0.offset) },
            uniquingKeysWith: { first, _ in first }
        )
        self.planned = planned
        self.places = places
        self.needs = planned.map { $0.after.compactMap { places[$0] } }
        self.queues = planned.indices.reduce(into: [:]) { queues, place in
            if let queue = planned[place].item.queue { queues[queue, default: []].append(place) }
        }
        self.phases = planned.map { _ in .waiting(.declare) }
    }

    // MARK: What to ask

    /// The next question; taken for asked.
    package mutating func next() -> (item: TopologyItem, declaration: Declaration)? {
        while self.start < self.phases.count, case .decided = self.phases[self.start] { self.start += 1 }
        for place in self.start..<self.phases.count {
            guard case .waiting(let question) = self.phases[place], self.mayAsk(place) else { continue }
            self.phases[place] = .asked(question)
            let planned = self.planned[place]
            return (planned.item, planned.declaration(question))
        }
        return nil
    }

    /// Whether what it needs was asked for: an exchange may be refused to us, and be there all the same.
    private func mayAsk(_ place: Int) -> Bool {
        self.needs[place].allSatisfy { needed in
            switch (self.phases[needed], self.planned[needed].item) {
            case (.decided(let standing), .queue): standing.isThere
            case (.decided, _): true
            case (.waiting, _), (.asked, _): false
            }
        }
    }

    // MARK: What happens

    /// The broker has answered.
    ///
    /// - Parameters:
    ///   - item: What was asked for.
    ///   - error: Its no; nil for a yes.
    /// - Returns: Where the item stands now; nil if there is something more to ask.
    @discardableResult
    package mutating func answered(_ item: TopologyItem, _ error: AMQPError?) -> Standing? {
        guard let place = self.places[item], case .asked(let question) = self.phases[place] else { return nil }
        if error?.code != .timeout { self.answers += 1 }
        let standing: Standing
        switch self.planned[place].outcome(of: question, error) {
        case .ask(let next):
            self.phases[place] = .waiting(next)
            return nil
        case .there: standing = .there
        case .kept(let difference): standing = .kept(difference)
        case .later(let error): standing = .later(error)
        case .refused(let error): standing = .refused(error)
        }
        self.phases[place] = .decided(standing)
        return standing
    }

    /// It ends every connection: it is left out.
    package mutating func condemn(_ item: TopologyItem, _ error: AMQPError) {
        if let place = self.places[item] { self.phases[place] = .decided(.refused(error)) }
    }

    /// What could not be had yet is to be asked for again, but what workers see to.
    package mutating func retry() {
        for place in self.planned.indices where self.isOpen(place) { self.phases[place] = .waiting(.declare) }
        self.start = 0
    }

    private func isOpen(_ place: Int) -> Bool {
        guard !self.planned[place].isOfJob, case .decided(.later) = self.phases[place] else { return false }
        return true
    }

    // MARK: How far it is

    /// Whether something is left that ``retry()`` would ask for again.
    package var hasOpen: Bool { self.planned.indices.contains { self.isOpen($0) } }

    /// Where an item stands; nil while that is not known.
    package func standing(of item: TopologyItem) -> Standing? {
        guard let place = self.places[item], case .decided(let standing) = self.phases[place] else { return nil }
        return standing
    }

    /// Whether workers see to it too.
    package func isOfJob(_ item: TopologyItem) -> Bool { self.places[item].map { self.planned[$0].isOfJob } ?? false }

    /// What can not be had, or not yet, in the plan's order.
    package var failures: [DeclarationFailure] {
        self.planned.indices.compactMap { place in
            switch self.phases[place] {
            case .decided(.later(let error)):
                DeclarationFailure(item: self.planned[place].item, error: error, isFinal: false)
            case .decided(.refused(let error)):
                DeclarationFailure(item: self.planned[place].item, error: error, isFinal: true)
            case .decided(.there), .decided(.kept), .waiting, .asked: nil
            }
        }
    }

    /// Where a queue and its bindings stand, for who consumes it.
    package func standing(ofQueue queue: String) -> QueueStanding {
        var standing = QueueStanding.there
        for place in self.queues[queue] ?? [] {
            switch self.phases[place] {
            case .decided(.there), .decided(.kept): break
            // Nothing more is to be asked; whether it can be consumed its broker says.
            case .decided(.refused): return .there
            case .decided(.later): standing = .open
            case .asked: return .underWay
            case .waiting: if standing == .there { standing = self.isUnderWay(place) ? .underWay : .open }
            }
        }
        return standing
    }

    /// Whether it waits for an answer about something else.
    private func isUnderWay(_ place: Int) -> Bool {
        self.needs[place].contains { if case .asked = self.phases[$0] { true } else { false } }
    }
}

/// What a worker has to know of its queue.
package enum QueueStanding: Equatable, Sendable {
    /// It is there, with its bindings, as far as anybody can see to that.
    case there
    /// The broker was asked, and has not answered.
    case underWay
    /// Not there yet: the worker declares it itself.
    case open
}

/// Something of a job file that its broker does not have as it should be.
public struct DeclarationFailure: Equatable, Sendable, CustomStringConvertible {
    /// What it is.
    public let item: TopologyItem
    /// Why it can not be had.
    public let error: AMQPError
    /// Whether it takes a person to change that; else it may heal by itself.
    public let isFinal: Bool

    package init(item: TopologyItem, error: AMQPError, isFinal: Bool) {
        self.item = item
        self.error = error
        self.isFinal = isFinal
    }

    /// One line for a log.
    public var description: String { "\(self.item): \(self.error)" }
}
