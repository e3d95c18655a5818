import AMQPCore
import NIOPosix

extension Connection {
    /// Whether the calling thread is an event loop: one that waits there may wait for itself, and keeps others waiting.
    static var isOnEventLoop: Bool { MultiThreadedEventLoopGroup.currentEventLoop != nil }

    /// - Throws: `.refusedLocally` on an event loop.
    static func throwOnEventLoop(_ call: String) throws(AMQPError) {
        guard self.isOnEventLoop else { return }
        let text = "\(call) blocks its thread, and this one is an event loop; call it on a thread of your own"
        throw AMQPError(.refusedLocally, scope: .call, text: text)
    }
}
