/// Reads `control` and `admin`: the doors for operators.
struct ControlDecoder {
    let log: DiagnosticLog

    /// The socket is there unless the file says `control: false`.
    func control(_ root: MappingReader) -> ControlSettings? {
        guard let node = root.node("control") else { return ControlSettings() }
        if case .scalar(let scalar) = node.content, !scalar.text.isEmpty {
            return root.bool("control")?.value == true ? ControlSettings() : nil
        }
        guard let reader = root.mapping("control", .control) else { return nil }
        return ControlSettings(
            socket: self.path(reader, "socket"),
            state: self.path(reader, "state"),
            fleet: self.fleet(reader)
        )
    }

    func admin(_ root: MappingReader) -> AdminSettings? {
        guard let reader = root.mapping("admin", .admin) else { return nil }
        let tokenFile = self.path(reader, "token_file")
        let isReadOnly = reader.bool("read_only")?.value ?? false
        guard let listen = reader.text("listen") else { return nil }
        guard let (host, port) = Self.address(listen.value) else {
            self.log.error(
                .badAddress,
                listen.span,
                "\(self.log.quoted(listen.value, at: listen.span)) is no address with a port",
                help: "write 127.0.0.1:9394, or [::1]:9394"
            )
            return nil
        }
        let settings = AdminSettings(host: host, port: port, tokenFile: tokenFile, isReadOnly: isReadOnly)
        if !settings.isLoopback, tokenFile == nil {
            self.log.error(
                .conflict,
                listen.span,
                "'listen' lets other machines in, and there is no 'token_file'",
                help: "write token_file, with at least 16 characters in it, or listen: 127.0.0.1:\(port)"
            )
        }
        return settings
    }

    private func fleet(_ reader: MappingReader) -> String? {
        guard let name = reader.name("fleet") else { return nil }
        guard name.value.utf8.count <= 100 else {
            self.log.error(.badName, name.span, "the name of a fleet has at most 100 bytes")
            return nil
        }
        return name.value
    }

    private func path(_ reader: MappingReader, _ key: String) -> String? {
        guard let text = reader.text(key) else { return nil }
        if text.value.isEmpty {
            self.log.error(.badName, text.span, "'\(key)' is empty")
            return nil
        }
        return PluginPath.resolve(text.value, file: self.log.source.file)
    }

    /// `HOST:PORT`, an IPv6 address in brackets.
    private static func address(_ text: String) -> (host: String, port: Int)? {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        let isBlank = host.unicodeScalars.contains { $0.value <= 0x20 || $0.value == 0x7F }
        return host.isEmpty || isBlank ? nil : (String(host), port)
    }
}
