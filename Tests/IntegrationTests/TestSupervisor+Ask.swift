import AMQPClient
import Millrace
import TestSupport
import Testing

extension TestSupervisor {
    /// Asks its router as a door does, and waits for the answer.
    ///
    /// - Parameters:
    ///   - path: With its query, without the first slash.
    ///   - method: As HTTP has it.
    ///   - wantsText: Whether for people.
    /// - Returns: What it says.
    /// - Throws: If there is no answer.
    func get(_ path: String, method: String = "GET", wantsText: Bool = true) throws -> ControlResponse {
        let request = ControlRequest(method: method, target: "/" + path, actor: "a test", wantsText: wantsText)
        let answer = Monitor<ControlResponse?>(nil, level: .outermost)
        self.router().answer(try #require(request)) { response in
            answer.withLock { $0 = response }
            answer.broadcast()
        }
        return try #require(answer.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 }, "no answer: \(path)")
    }
}
