package import AMQPWire

/// What both sides agreed on in connection.tune (AMQP 0-9-1 §1.4.2.5, C7).
package struct Negotiated: Equatable, Sendable {
    package var channelMax: Int
    package var frameMax: Int
    package var heartbeatSeconds: Int

    package init(channelMax: Int, frameMax: Int, heartbeatSeconds: Int) {
        self.channelMax = channelMax
        self.frameMax = frameMax
        self.heartbeatSeconds = heartbeatSeconds
    }
}

/// Channel 0: handshake, open, close (AMQP 0-9-1 §2.2.4, C1-C13, C44), as a value.
package struct ConnectionMachine: Sendable {
    package enum State: Equatable, Sendable {
        case awaitingStart, awaitingTune, awaitingOpenOk, open, closing, closed
    }
    package private(set) var state: State = .awaitingStart
    package private(set) var negotiated: Negotiated
    package private(set) var serverProperties = FieldTable()
    /// Whether the handshake has neither ended nor failed.
    package var isHandshaking: Bool {
        switch self.state {
        case .awaitingStart, .awaitingTune, .awaitingOpenOk: true
        case .open, .closing, .closed: false
        }
    }
    private let settings: HandshakeSettings
    private var mechanism = LoginMechanism.plain

    package init(settings: HandshakeSettings) {
        self.settings = settings
        self.negotiated = Negotiated(channelMax: 65535, frameMax: Frame.minSize, heartbeatSeconds: 0)
    }

    package enum Action: Equatable, Sendable {
        case send([Method])
        /// tune-ok and open: send them; from now on the agreed limits hold.
        case negotiated(Negotiated, [Method])
        case opened
        case blocked(reason: String)
        case unblocked
        case secretUpdated
        case ignore
        /// Answer with close-ok, then everything ends with this error.
        case answerCloseAndEnd(AMQPError)
        /// close-ok for our own close came: close TCP (C13).
        case endClosed
        /// Send connection.close with this error's code, then end.
        case refuse(AMQPError, code: ReplyCode)
        /// End without a word: there is nobody to tell, or no way to.
        case fail(AMQPError)
    }

    package mutating func methodReceived(_ method: Method) -> Action {
        if case .connectionClose(let close) = method { return self.closeReceived(close) }
        switch self.state {
        case .awaitingStart:
            guard case .connectionStart(let start) = method else { return self.unexpected(method) }
            return self.startReceived(start)
        case .awaitingTune:
            switch method {
            case .connectionSecure:
                let answer = self.mechanism.answer(user: self.settings.user, password: self.settings.password)
                return .send([.connectionSecureOk(ConnectionSecureOk(response: answer))])
            case .connectionTune(let tune): return self.tuneReceived(tune)
            default: return self.unexpected(method)
            }
        case .awaitingOpenOk:
            guard case .connectionOpenOk = method else { return self.unexpected(method) }
            self.state = .open
            return .opened
        case .open:
            switch method {
            case .connectionBlocked(let blocked): return .blocked(reason: blocked.reason)
            case .connectionUnblocked: return .unblocked
            case .connectionUpdateSecretOk: return .secretUpdated
            default: return self.unexpected(method)
            }
        case .closing:
            guard case .connectionCloseOk = method else { return .ignore }  // C44
            self.state = .closed
            return .endClosed
        case .closed: return .ignore
        }
    }

    private mutating func startReceived(_ start: ConnectionStart) -> Action {
        guard start.versionMajor == 0, start.versionMinor == 9 else {
            self.state = .closed
            let text = "the server speaks AMQP \(start.versionMajor)-\(start.versionMinor), this client 0-9-1"
            return .fail(AMQPError(.protocolMismatch, scope: .connection, text: text))
        }
        self.serverProperties = start.serverProperties
        let offered = String(decoding: start.mechanisms, as: UTF8.self).split(separator: " ").map(String.init)
        guard let mechanism = self.settings.mechanisms.first(where: { offered.contains($0.rawValue) }) else {
            self.state = .closed
            let ours = self.settings.mechanisms.map(\.rawValue).joined(separator: ", ")
            let text =
                "no common login mechanism: the server offers \(offered.joined(separator: ", ")), we have \(ours)"
            return .fail(AMQPError(.authenticationFailed, scope: .connection, text: text))
        }
        self.mechanism = mechanism
        self.state = .awaitingTune
        return .send([
            .connectionStartOk(
                ConnectionStartOk(
                    clientProperties: self.settings.clientProperties,
                    mechanism: mechanism.rawValue,
                    response: mechanism.response(user: self.settings.user, password: self.settings.password),
                    locale: "en_US"
                )
            )
        ])
    }

    private mutating func tuneReceived(_ tune: ConnectionTune) -> Action {
        let channelMax = Self.smaller(Int(tune.channelMax), self.settings.channelMax, none: 65535)
        let frameMax = Self.smaller(Int(tune.frameMax), self.settings.frameMax, none: 131_072)
        guard frameMax >= Frame.minSize else {
            self.state = .closed
            let text = "the server wants frames of at most \(frameMax) octets; the protocol's least is \(Frame.minSize)"
            return .fail(AMQPError(.negotiationFailed, scope: .connection, text: text))
        }
        // The client has the last word, and RabbitMQ applies it both ways; 0 is off only if we say so (C7).
        let ours = self.settings.heartbeatSeconds
        let heartbeat = ours == 0 ? 0 : (tune.heartbeat == 0 ? ours : min(ours, Int(tune.heartbeat)))
        self.negotiated = Negotiated(channelMax: channelMax, frameMax: frameMax, heartbeatSeconds: heartbeat)
        self.state = .awaitingOpenOk
        return .negotiated(
            self.negotiated,
            [
                .connectionTuneOk(
                    ConnectionTuneOk(
                        channelMax: UInt16(channelMax),
                        frameMax: UInt32(frameMax),
                        heartbeat: UInt16(heartbeat)
                    )
                ),
                .connectionOpen(ConnectionOpen(virtualHost: self.settings.virtualHost)),
            ]
        )
    }

    private static func smaller(_ theirs: Int, _ ours: Int, none: Int) -> Int {
        switch (theirs, ours) {
        case (0, 0): none
        case (0, let one), (let one, 0): one
        case (let one, let other): min(one, other)
        }
    }

    private mutating func closeReceived(_ close: ConnectionClose) -> Action {
        let error = AMQPError(
            closeCode: close.replyCode,
            text: close.replyText,
            classID: close.classID,
            methodID: close.methodID,
            scope: .connection
        )
        // While we close ourselves, theirs is answered too, and the end is the same (C44).
        self.state = .closed
        return .answerCloseAndEnd(error)
    }

    private mutating func unexpected(_ method: Method) -> Action {
        let error = AMQPError.violation("the server sent \(method.id) while the connection is \(self.state)")
        self.state = .closing
        return .refuse(error, code: .commandInvalid)
    }

    package enum CloseAction: Equatable, Sendable { case sendClose, dropSocket, alreadyClosing }
    package mutating func close() -> CloseAction {
        switch self.state {
        case .open, .awaitingOpenOk:
            self.state = .closing
            return .sendClose
        case .awaitingStart, .awaitingTune:
            self.state = .closed
            return .dropSocket
        case .closing, .closed: return .alreadyClosing
        }
    }

    /// The socket ended; gives the reason that fits the state (C6).
    package mutating func endOfFileReceived() -> AMQPError {
        defer { self.state = .closed }
        switch self.state {
        case .awaitingStart:
            return AMQPError(
                .connectionLost,
                scope: .connection,
                text: "the server closed the socket before its greeting; a port for TLS does so: then use amqps://"
            )
        case .awaitingTune:
            // A server that would refuse a login by a close has not refused it.
            let saysSo = self.serverProperties["capabilities"]?.tableValue?["authentication_failure_close"]?.boolValue
            return AMQPError(
                saysSo == true ? .connectionLost : .authenticationFailed,
                scope: .connection,
                text: "the server closed the socket after the credentials"
            )
        case .awaitingOpenOk:
            return AMQPError(
                .negotiationFailed,
                scope: .connection,
                text: "the server closed the socket after our answer to its limits"
            )
        case .open, .closing, .closed:
            return AMQPError(.connectionLost, scope: .connection, text: "the server closed the socket")
        }
    }
}
