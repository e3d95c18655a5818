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

extension InboundFailure {
    /// Octets of a server that can be no frame.
    init(_ fault: FrameFault) {
        switch fault {
        case .tls:
            self.init(text: "the server speaks TLS on this port; use amqps://", isForeignProtocol: true)
        case .foreign(let octets):
            let version = octets.dropFirst(4).map(String.init).joined(separator: ".")
            let text = "the server does not speak AMQP 0-9-1: it answered with protocol header \(version)"
            self.init(text: text, isForeignProtocol: true)
        case .unknownType(let type, let isFirst):
            self.init(text: "a frame of unknown type \(type)", isForeignProtocol: isFirst)
        case .tooLarge(let octets, let limit, let isFirst):
            self.init(text: "a frame of \(octets) octets; the limit is \(limit)", isForeignProtocol: isFirst)
        case .badEnd(let octet):
            self.init(text: "a frame ends with octet \(octet) instead of 206", isForeignProtocol: false)
        }
    }

    private init(text: String, isForeignProtocol: Bool) {
        self.init(code: .frameError, text: text, isForeignProtocol: isForeignProtocol)
    }
}
