package import AMQPCore
import AMQPWire

/// What is asked of the broker about one ``TopologyItem``, and what its answers mean.
package struct PlannedDeclaration: Equatable, Sendable {
    /// What a queue that is there, and not as the file says, comes to.
    package enum Difference: Equatable, Sendable {
        case refused
        /// `on_mismatch: keep`.
        case kept
        /// Kept if it was made without a limit of -1, on a broker that could not be told so.
        case keptWithoutDeliveryLimit
    }
    /// What it means that something is missing.
    package enum Missing: Equatable, Sendable {
        case refused
        /// Somebody else may make it.
        case awaited
        /// It is made: it was looked at because another may have made it, in another way.
        case made
    }

    package let item: TopologyItem
    package let request: Declaration
    /// Asked for first, whatever comes of them; a queue among them has to be there.
    package let after: [TopologyItem]
    package let ifDifferent: Difference
    package let ifMissing: Missing
    /// Whether workers declare it too: it is their queue, or binds that.
    package let isOfJob: Bool

    package init(
        _ item: TopologyItem,
        _ request: Declaration,
        after: [TopologyItem] = [],
        ifDifferent: Difference = .refused,
        ifMissing: Missing = .refused,
        isOfJob: Bool = false
    ) {
        self.item = item
        self.request = request
        self.after = after
        self.ifDifferent = ifDifferent
        self.ifMissing = ifMissing
        self.isOfJob = isOfJob
    }

    /// What is asked, one after the other.
    package enum Question: Equatable, Sendable {
        case declare
        /// Whether it is there, as whatever it is.
        case look(difference: AMQPError)
        /// What was looked at is missing.
        case make
    }

    /// What is sent for a question.
    package func declaration(_ question: Question) -> Declaration {
        guard case .queue(let name) = self.item else { return self.request }
        return switch question {
        case .declare: self.request
        case .look: .queue(QueueDeclare(queue: name, passive: true, durable: true))
        case .make: .queue(QueueDeclare(queue: name, durable: true))
        }
    }

    /// What an answer comes to.
    package enum Outcome: Equatable, Sendable {
        case there
        /// Used as it is.
        case kept(AMQPError)
        case ask(Question)
        /// It heals by itself, or somebody else's doing.
        case later(AMQPError)
        /// Until a person changes something.
        case refused(AMQPError)
    }

    /// - Parameters:
    ///   - question: What was asked.
    ///   - error: The broker's no; nil for a yes.
    /// - Returns: What it comes to.
    package func outcome(of question: Question, _ error: AMQPError?) -> Outcome {
        guard let error else {
            if case .look(let difference) = question { return .kept(difference) }
            return .there
        }
        let isMissing = error.code.rawValue == 404 && !error.meansNodeDown
        switch question {
        case .declare where self.ifMissing == .made:
            if isMissing { return .ask(.make) }
            // Whatever the broker has against it: somebody has it.
            return error.code == .timeout || error.meansNodeDown ? .later(error) : .there
        case .declare where self.isKept(error): return .ask(.look(difference: error))
        // The broker refuses what is asked for, whatever there is.
        case .look(let difference) where isMissing: return .refused(difference)
        case .declare, .look, .make: break
        }
        if isMissing { return self.ifMissing == .awaited ? .later(error) : .refused(error) }
        return error.isTransient || error.meansBlocked || error.code == .channelsExhausted
            ? .later(error) : .refused(error)
    }

    private func isKept(_ error: AMQPError) -> Bool {
        guard error.code.rawValue == 406, !error.meansBlocked else { return false }
        return switch self.ifDifferent {
        case .refused: false
        case .kept: true
        case .keptWithoutDeliveryLimit:
            error.difference?.argument == "x-delivery-limit" && error.difference?.existing == nil
        }
    }
}
