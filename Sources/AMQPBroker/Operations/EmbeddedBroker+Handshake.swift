import AMQPWire

/// Of a connection, from its first octet to `connection.open-ok`.
extension EmbeddedBroker {
    mutating func greet(_ id: ConnectionID, _ octets: [UInt8]) {
        guard octets == Frame.protocolHeader else { return self.refuseProtocol(id) }
        self.connections[id].phase = .startOk
        self.send(
            ConnectionStart(
                serverProperties: self.serverProperties,
                mechanisms: Array("PLAIN AMQPLAIN".utf8),
                locales: Array("en_US".utf8)
            ),
            id
        )
    }

    /// Says which protocol is spoken here, and ends it.
    mutating func refuseProtocol(_ id: ConnectionID) {
        self.connections[id].output += Frame.protocolHeader
        self.drop(id)
    }

    private var serverProperties: FieldTable {
        let capabilities: FieldTable = [
            "publisher_confirms": true, "exchange_exchange_bindings": true, "basic.nack": true,
            "consumer_cancel_notify": true, "connection.blocked": true, "consumer_priorities": true,
            "authentication_failure_close": true, "per_consumer_qos": true, "direct_reply_to": true,
        ]
        return [
            "capabilities": .table(capabilities),
            "cluster_name": "embedded@localhost",
            "copyright": "",
            "information": "The embedded broker of Millrace: in memory, nothing survives it",
            "platform": "Millrace",
            "product": "RabbitMQ",
            "version": .string(self.settings.profile.version),
        ]
    }

    /// A method on channel 0.
    mutating func perform(_ method: Method, on id: ConnectionID) throws(Refusal) {
        switch (self.connections[id].phase, method) {
        case (.startOk, .connectionStartOk(let login)): self.logIn(id, login)
        case (.tuneOk, .connectionTuneOk(let tune)): self.tune(id, tune)
        case (.open, .connectionOpen(let open)): try self.open(id, open)
        case (.closing, .connectionCloseOk): self.drop(id)
        case (.closing, .connectionClose): self.send(ConnectionCloseOk(), id)
        case (.closing, _): return
        case (_, .connectionClose):
            self.endChannels(id)
            self.send(ConnectionCloseOk(), id)
            self.connections[id].phase = .ended
            self.endAfter(id, 30_000)
            self.deleteExclusive(id)
        case (.running, .connectionUpdateSecret): self.send(ConnectionUpdateSecretOk(), id)
        case (.running, .connectionCloseOk):
            throw .connection(.channelError, "unexpected method in connection state running")
        default:
            self.close(
                id,
                .connection(.channelError, "unexpected method in connection state \(self.connections[id].phase)"),
                method.id
            )
        }
    }

    private mutating func logIn(_ id: ConnectionID, _ login: ConnectionStartOk) {
        self.connections[id].clientProperties = login.clientProperties
        self.connections[id].capabilities = login.clientProperties["capabilities"]?.tableValue ?? [:]
        guard let (user, password) = Credentials.read(login.mechanism, login.response) else {
            return self.endSilently(id)
        }
        guard let known = self.settings.users[user], known == password else {
            guard self.connections[id].can("authentication_failure_close") else { return self.endSilently(id) }
            let text =
                "Login was refused using authentication mechanism \(login.mechanism). For details see the broker logfile."
            return self.close(id, .connection(.accessRefused, text), nil)
        }
        self.connections[id].user = user
        self.connections[id].phase = .tuneOk
        self.send(
            ConnectionTune(
                channelMax: self.settings.channelMax,
                frameMax: self.settings.frameMax,
                heartbeat: self.settings.heartbeat
            ),
            id
        )
    }

    private mutating func tune(_ id: ConnectionID, _ tune: ConnectionTuneOk) {
        func fits(_ asked: UInt64, _ offered: UInt64) -> Bool { offered == 0 || asked > 0 && asked <= offered }
        guard fits(UInt64(tune.channelMax), UInt64(self.settings.channelMax)),
            fits(UInt64(tune.frameMax), UInt64(self.settings.frameMax)),
            tune.frameMax == 0 || tune.frameMax >= self.settings.profile.leastFrameMax
        else { return self.endSilently(id) }
        self.connections[id].channelMax = tune.channelMax == 0 ? .max : tune.channelMax
        self.connections[id].frameMax = tune.frameMax == 0 ? 1 << 24 : Int(tune.frameMax)
        // A frame of 8 octets more is forgiven, as RabbitMQ does.
        self.connections[id].splitter.payloadLimit = self.connections[id].frameMax
        self.connections[id].heartbeat = UInt64(tune.heartbeat) * 1000
        self.connections[id].phase = .open
    }

    private mutating func open(_ id: ConnectionID, _ open: ConnectionOpen) throws(Refusal) {
        guard let vhost = self.vhosts.firstIndex(where: { $0.name == open.virtualHost }) else {
            return self.close(id, .connection(.notAllowed, "vhost \(open.virtualHost) not found"), ConnectionOpen.id)
        }
        self.connections[id].vhost = vhost
        self.connections[id].phase = .running
        self.connections[id].endsAt = .max
        self.send(ConnectionOpenOk(), id)
        if self.alarm != nil { self.block(id) }
        self.arm(id)
    }
}

/// What a login says.
enum Credentials {
    static func read(_ mechanism: String, _ response: [UInt8]) -> (user: String, password: String)? {
        switch mechanism {
        case "PLAIN":
            let parts = response.split(separator: 0, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            return (String(decoding: parts[1], as: UTF8.self), String(decoding: parts[2], as: UTF8.self))
        case "AMQPLAIN":
            // A table without its length.
            var buffer = WireBuffer()
            buffer.appendUInt32(UInt32(response.count))
            buffer.append(contentsOf: response)
            let table = buffer.withUnsafeBytes { bytes -> FieldTable? in
                var reader = WireReader(bytes)
                return try? reader.readTable()
            }
            guard let user = table?["LOGIN"]?.stringValue, let password = table?["PASSWORD"]?.stringValue else {
                return nil
            }
            return (user, password)
        default: return nil
        }
    }
}
