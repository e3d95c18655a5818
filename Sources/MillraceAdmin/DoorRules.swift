/// Who may come in by a door: what is looked at before anything else of a request is.
package struct DoorRules: Sendable, Equatable {
    /// What of a request's head says who sent it.
    package struct Head: Sendable, Equatable {
        package var isChange: Bool
        package var host: String?
        package var origin: String?
        package var fetchSite: String?
        package var authorization: String?

        package init(
            isChange: Bool = false,
            host: String? = nil,
            origin: String? = nil,
            fetchSite: String? = nil,
            authorization: String? = nil
        ) {
            self.isChange = isChange
            self.host = host
            self.origin = origin
            self.fetchSite = fetchSite
            self.authorization = authorization
        }
    }

    package struct Refusal: Sendable, Equatable {
        package let status: Int
        package let text: String
    }

    /// Names that a request may be for; nil is any.
    private let hosts: Set<String>?
    /// What it has to show; nil is nothing.
    private let token: [UInt8]?
    private let isReadOnly: Bool

    private init(hosts: Set<String>?, token: [UInt8]?, isReadOnly: Bool) {
        self.hosts = hosts
        self.token = token
        self.isReadOnly = isReadOnly
    }

    /// Of a socket, which the system guards: `curl --unix-socket` may name any host.
    package static let socket = DoorRules(hosts: nil, token: nil, isReadOnly: false)

    /// Of a port.
    ///
    /// A browser that was led here by a name of somebody else says that name: on this machine alone only its own names count.
    ///
    /// - Parameters:
    ///   - host: The address that it listens on.
    ///   - isLoopback: Whether only this machine reaches it.
    ///   - token: What requests have to show.
    ///   - isReadOnly: Whether nothing may be changed.
    /// - Returns: Its rules.
    package static func port(host: String, isLoopback: Bool, token: String?, isReadOnly: Bool) -> DoorRules {
        DoorRules(
            hosts: isLoopback ? ["localhost", "127.0.0.1", "::1", host] : nil,
            token: token.map { Array($0.utf8) },
            isReadOnly: isReadOnly
        )
    }

    /// Why a request does not come in; nil if it does.
    package func refusal(of head: Head) -> Refusal? {
        let host = head.host.map { Self.name($0) } ?? ""
        if let hosts, !hosts.contains(host) {
            return Refusal(status: 403, text: "this is not the host that was asked for")
        }
        if let site = head.fetchSite, site != "same-origin", site != "none" {
            return Refusal(status: 403, text: "a page of another site may not ask")
        }
        if let origin = head.origin, Self.name(ofOrigin: origin) != head.host {
            return Refusal(status: 403, text: "a page of another site may not ask")
        }
        if let token, !Self.isSame(head.authorization ?? "", "Bearer ", token) {
            return Refusal(status: 401, text: "this needs the token: Authorization: Bearer …")
        }
        if self.isReadOnly, head.isChange { return Refusal(status: 403, text: "this door is read-only") }
        return nil
    }

    /// Without the port, and without an IPv6 address's brackets.
    private static func name(_ host: String) -> String {
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host.dropFirst().prefix(upTo: end)) }
        return host.split(separator: ":", omittingEmptySubsequences: false).first.map(String.init) ?? host
    }

    /// As it would stand in `Host`.
    private static func name(ofOrigin origin: String) -> String {
        for scheme in ["http://", "https://"] where origin.hasPrefix(scheme) {
            return String(origin.dropFirst(scheme.count))
        }
        return origin
    }

    /// Takes as long whatever is wrong.
    private static func isSame(_ text: String, _ prefix: String, _ token: [UInt8]) -> Bool {
        guard text.hasPrefix(prefix) else { return false }
        let shown = Array(text.utf8.dropFirst(prefix.utf8.count))
        var difference = UInt8(truncatingIfNeeded: shown.count ^ token.count) | (shown.count == token.count ? 0 : 1)
        for index in token.indices { difference |= token[index] ^ (index < shown.count ? shown[index] : 0) }
        return difference == 0
    }
}
