import AMQPClient

/// What async code gives, for a command that has its thread to itself.
enum Awaited {
    /// Blocks the calling thread, which must not be one of Swift's own.
    ///
    /// - Throws: What `body` throws.
    @available(*, noasync, message: "it blocks its thread")
    static func value<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) throws -> R {
        let answer = Monitor<Result<R, any Error>?>(nil)
        Task {
            let result: Result<R, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            answer.withLock { $0 = result }
            answer.broadcast()
        }
        while true {
            if let result = answer.wait(until: nil, { $0 }) { return try result.get() }
        }
    }
}
