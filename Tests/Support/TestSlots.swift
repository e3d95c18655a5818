import AMQPClient

/// How many tests may block a thread at the same time.
///
/// Each has connections, workers and often a program of its own: on a machine of two cores hundreds at once would keep
/// each other from meeting any deadline.
package enum TestSlots {
    private struct State {
        var free = 8
        var waiting: [CheckedContinuation<Void, Never>] = []
    }
    // Not a Mutex: the thread sanitizer does not see it.
    private static let state = Monitor(State())

    /// A test that has a slot takes no second one.
    @TaskLocal private static var isTaken = false

    /// Runs `body` in a slot, in the order of the calls.
    @concurrent
    package static func withSlot<R: Sendable>(_ body: @Sendable () async throws -> R) async throws -> R {
        if self.isTaken { return try await body() }
        await self.take()
        defer { self.giveBack() }
        return try await self.$isTaken.withValue(true) { try await body() }
    }

    /// Runs `body` as a part of a test that has a slot, in a task of its own.
    static func within<R: Sendable>(_ body: @Sendable () async throws -> R) async throws -> R {
        try await self.$isTaken.withValue(true) { try await body() }
    }

    private static func take() async {
        await withCheckedContinuation { continuation in
            let isFree = self.state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    private static func giveBack() {
        let next = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}
