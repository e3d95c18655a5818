import AMQPClient

/// A task whose end a test waits for on a thread that may block.
package final class StartedTask<R: Sendable>: Sendable {
    private let outcome = Monitor<Result<R, any Error>?>(nil)
    private let task: Monitor<Task<Void, Never>?> = Monitor(nil)

    /// Starts it.
    ///
    /// - Parameters:
    ///   - inPool: Whether on Swift's pool, and not on threads of its own: other tests hold up the pool.
    ///   - body: What it does.
    package init(inPool: Bool = false, _ body: @escaping @Sendable () async throws -> R) {
        let run: @Sendable () async -> Void = {
            let result: Result<R, any Error>
            do { result = .success(try await TestSlots.within(body)) } catch { result = .failure(error) }
            self.outcome.withLock { $0 = result }
            self.outcome.broadcast()
        }
        let task =
            inPool
            ? Task.detached(priority: .high) { await run() }
            : Task.detached(executorPreference: OwnThread()) { await run() }
        self.task.withLock { $0 = task }
    }

    package func cancel() { self.task.withLock { $0 }?.cancel() }

    /// What it came to; waits as long as tests wait.
    package func result() throws -> R {
        let result = self.outcome.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 }
        guard let result else { throw PeerFailure("the task has not ended") }
        return try result.get()
    }

    /// What it failed with.
    package func failure() throws -> (any Error)? {
        do {
            _ = try self.result()
            return nil
        } catch {
            return error
        }
    }
}
