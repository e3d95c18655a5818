import AMQPCore
import AMQPWire
import NIOCore

extension Connection {
    /// Gives the broker a new secret, such as a renewed token, before the one in use expires.
    ///
    /// Blocks until the broker has taken it, at most `requestTimeout`. Connections made later still log in with their
    /// ``Endpoint``: give its `password` the new secret too.
    ///
    /// AMQP 0-9-1 with RabbitMQ's extension `connection.update-secret`, C66.
    ///
    /// - Parameters:
    ///   - secret: What the broker's login plugin expects; for RabbitMQ's OAuth 2 the token.
    ///   - reason: Why, for the broker's log; at most 255 octets.
    /// - Throws: `.refusedLocally` on an event loop, or if it is too long to send, `.timeout`, or why the connection ended: a refusal is the
    ///   end of the connection, with code 530.
    @available(*, noasync, message: "it blocks its thread")
    public func updateSecret(_ secret: String, reason: String) throws(AMQPError) {
        try Self.throwOnEventLoop("updateSecret")
        let method = ConnectionUpdateSecret(newSecret: Array(secret.utf8), reason: reason)
        // Class and method, both lengths, and the frame around them.
        let size = 4 + 4 + secret.utf8.count + 1 + reason.utf8.count + Frame.overhead
        guard reason.utf8.count <= 255, size <= self.outbox.frameMax else {
            let text =
                "the secret and its reason do not fit a frame of \(self.outbox.frameMax) octets, or the reason"
                + " has more than 255"
            throw AMQPError(.refusedLocally, scope: .call, text: text, method: .connectionUpdateSecret)
        }
        let promise = self.eventLoop.makePromise(of: Void.self)
        self.driver.updateSecret(method, promise)
        do {
            try promise.futureResult.awaited().get()
        } catch {
            throw error as? AMQPError ?? AMQPError(.connectionLost, scope: .connection, text: "\(error)")
        }
    }
}
