import AMQPCore

/// From a thread that may block to what is async.
package enum Await {
    /// Runs it in a task, and blocks this thread until that has ended.
    ///
    /// - Parameter body: What is async; never what waits for this thread.
    /// - Returns: What it gives.
    /// - Throws: What it throws.
    @available(*, noasync, message: "it blocks its thread")
    package static func result<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        let box = Monitor<Result<Value, any Error>?>(nil)
        Task.detached {
            let result: Result<Value, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            box.withLock { $0 = result }
            box.broadcast()
        }
        while true {
            if let result = box.wait(until: nil, { $0 }) { return try result.get() }
        }
    }
}
