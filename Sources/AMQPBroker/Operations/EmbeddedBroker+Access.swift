import AMQPWire

/// What users may do. A user without permissions in the settings may do everything.
extension EmbeddedBroker {
    func check(_ access: Permissions.Access, queue name: String, _ channel: ChannelRef) throws(Refusal) {
        try self.check(access, name, Named.queue, channel)
    }

    func check(_ access: Permissions.Access, exchange name: String, _ channel: ChannelRef) throws(Refusal) {
        try self.check(access, name.isEmpty ? "amq.default" : name, Named.exchange, channel)
    }

    private func check(
        _ access: Permissions.Access,
        _ name: String,
        _ named: (String, String) -> String,
        _ channel: ChannelRef
    ) throws(Refusal) {
        if self.settings.permissions.isEmpty { return }
        let user = self.connections[channel.connection].user
        guard let permissions = self.settings.permissions[user], !permissions.allow(access, name) else { return }
        let what = self.settings.profile.namesRefusedAccess ? "\(access) access" : "access"
        throw .channel(
            .accessRefused,
            "\(what) to \(named(name, self.vhostName(channel.connection))) refused for user '\(user)'"
        )
    }

    /// Why a user may not open a virtual host; nil if that is fine.
    func refusal(of vhost: String, to user: String) -> Refusal? {
        guard let permissions = self.settings.permissions[user], !permissions.virtualHosts.contains(vhost) else {
            return nil
        }
        return .connection(.notAllowed, "access to vhost '\(vhost)' refused for user '\(user)'")
    }
}
