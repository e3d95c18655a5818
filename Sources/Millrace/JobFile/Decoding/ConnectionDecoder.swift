import AMQPClient

/// Reads the `connection` block.
struct ConnectionDecoder {
    let log: DiagnosticLog

    /// Nil after a diagnostic.
    func decode(_ root: MappingReader) -> ConnectionSettings? {
        guard let reader = root.mapping("connection", .connection) else { return nil }
        let heartbeat = reader.duration("heartbeat", in: .zero ... .seconds(65_535))
        if let heartbeat, heartbeat.value.components.attoseconds != 0 {
            self.log.error(.badDuration, heartbeat.span, "'heartbeat' is whole seconds (AMQP has no smaller unit)")
        }
        let uris = self.uris(reader)
        let endpoints = uris.compactMap { uri in (try? Endpoint(uri: uri.value)).map { Located($0, uri.span) } }
        let tls = TLSDecoder(log: self.log).decode(reader, for: endpoints)
        self.checkEmbedded(uris, reader)
        let settings = ConnectionSettings(
            uris: uris.map(\.value),
            tls: tls,
            heartbeat: heartbeat?.value ?? .seconds(30),
            name: reader.name("name")?.value,
            connectTimeout: reader.duration("connect_timeout", in: .milliseconds(100) ... .seconds(3600))?.value
                ?? .seconds(10),
            publishing: reader.choice("publishing", PublishingConnection.self)?.value ?? .shared,
            recovery: self.recovery(reader),
            location: self.log.source.location(of: reader.span)
        )
        return uris.isEmpty ? nil : settings
    }

    private func uris(_ reader: MappingReader) -> [Located<String>] {
        guard let node = reader.node("uri") else { return [] }
        guard case .sequence(let items) = node.content else { return self.uri(node).map { [$0] } ?? [] }
        if items.isEmpty { self.log.error(.badURI, node.span, "'uri' is an empty list", help: "it takes at least one") }
        return items.compactMap(self.uri)
    }

    /// The text may hold a password: no message repeats it.
    private func uri(_ node: YAMLNode) -> Located<String>? {
        guard let text = node.text(key: "uri", log: self.log) else { return nil }
        let uri = text.value
        do throws(EmbeddedSettings.Mistake) {
            if try EmbeddedSettings(uri: uri) != nil { return Located(uri, text.span) }
        } catch {
            self.log.error(.badURI, text.span, error.text, help: error.help)
            return nil
        }
        let isBlank = uri.unicodeScalars.contains {
            $0.properties.isWhitespace || $0.properties.generalCategory == .control
        }
        let lowercased = uri.prefix(9).lowercased()
        let isKnown = lowercased.hasPrefix("amqp://") || lowercased.hasPrefix("amqps://")
        guard isKnown, !isBlank else {
            self.log.error(
                .badURI,
                text.span,
                isBlank ? "a URI holds no blanks" : "not a URI that this version knows",
                help: isBlank ? "write a blank as %20" : "write amqp://host, amqps://host or embedded"
            )
            return nil
        }
        do throws(AMQPError) {
            _ = try Endpoint(uri: uri)
            return Located(uri, text.span)
        } catch {
            self.log.error(.badURI, text.span, error.text)
            return nil
        }
    }

    /// A broker in this process is one alone, and nobody listens in between.
    private func checkEmbedded(_ uris: [Located<String>], _ reader: MappingReader) {
        let embedded = uris.filter { EmbeddedSettings.isMeant(by: $0.value) }
        guard !embedded.isEmpty else { return }
        if uris.count > 1 {
            for uri in embedded {
                self.log.error(
                    .conflict,
                    uri.span,
                    "'embedded' stands alone: the broker in this process is no node of others",
                    help: "leave it or the others out"
                )
            }
        }
        if let tls = reader.pair("tls") {
            self.log.error(
                .conflict,
                tls.keySpan,
                "'tls' is for amqps://, and the embedded broker speaks to this machine alone",
                help: "leave it out"
            )
        }
    }

    private func recovery(_ connection: MappingReader) -> RecoverySettings {
        var settings = RecoverySettings()
        guard let reader = connection.mapping("recovery", .recovery) else { return settings }
        (settings.initialInterval, settings.maxInterval) = reader.intervals(
            initial: settings.initialInterval,
            longest: settings.maxInterval,
            limit: (.seconds(3600), .seconds(86_400))
        )
        settings.multiplier = reader.double("multiplier", in: 1...100)?.value ?? settings.multiplier
        settings.jitter = reader.double("jitter", in: 0...1)?.value ?? settings.jitter
        return settings
    }
}
