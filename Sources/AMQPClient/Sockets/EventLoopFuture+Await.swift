import AMQPCore
import NIOCore

extension EventLoopFuture where Value: Sendable {
    /// What it comes to; the calling thread waits as for anything else of the client, and must be no event loop.
    func awaited() -> Result<Value, any Error> {
        let box = Monitor<Result<Value, any Error>?>(nil)
        self.whenComplete { result in
            box.withLock { $0 = result }
            box.broadcast()
        }
        while true {
            if let result = box.wait(until: nil, { $0 }) { return result }
        }
    }
}
