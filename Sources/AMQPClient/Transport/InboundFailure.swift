package import AMQPWire

/// What ends the connection because of what the peer sent.
package struct InboundFailure: Error, Equatable {
    package let code: ReplyCode
    package let text: String
    /// The first octets were not frames at all (C2): nobody to send a close to.
    package var isForeignProtocol: Bool

    package init(code: ReplyCode, text: String, isForeignProtocol: Bool = false) {
        self.code = code
        self.text = text
        self.isForeignProtocol = isForeignProtocol
    }
}
