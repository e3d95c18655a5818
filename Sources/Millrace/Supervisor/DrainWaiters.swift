/// Who waits until a job that rests has nothing in hand any more.
struct DrainWaiters {
    private var all: [(job: String, deadline: UInt64, reply: @Sendable (CommandReply) -> Void)] = []

    /// Takes a command in that is answered later.
    ///
    /// - Returns: Whether it is one.
    mutating func take(_ command: Command, _ reply: @escaping @Sendable (CommandReply) -> Void) -> Bool {
        guard case .awaitDrained(let job, let deadline) = command else { return false }
        self.all.append((job, deadline, reply))
        return true
    }

    /// Those hear of it whose job is drained, and those whose time is over.
    mutating func look(_ supervisor: Supervisor, now: UInt64) {
        self.all.removeAll { job, deadline, reply in
            let answer = supervisor.drainReply(job)
            guard answer == .done || now >= deadline else { return false }
            reply(answer)
            return true
        }
    }

    /// Nobody is answered later.
    mutating func end() {
        for (_, _, reply) in self.all { reply(.refused("the supervisor is draining")) }
        self.all = []
    }
}
