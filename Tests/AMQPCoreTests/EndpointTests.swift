import AMQPCore
import Testing

@Suite struct EndpointTests {
    struct Good: CustomTestStringConvertible {
        let uri: String
        let endpoint: Endpoint
        var testDescription: String { self.uri }
        init(_ uri: String, _ endpoint: Endpoint) {
            self.uri = uri
            self.endpoint = endpoint
        }
    }
    static let good: [Good] = [
        Good("amqp://", Endpoint(host: "localhost")),
        Good("amqp://broker", Endpoint(host: "broker")),
        Good("AMQP://broker:5673", Endpoint(host: "broker", port: 5673)),
        Good("amqp://broker/", Endpoint(host: "broker", virtualHost: "")),
        Good("amqp:///v", Endpoint(host: "localhost", virtualHost: "v")),
        Good("amqp://:@/", Endpoint(host: "localhost", user: "", password: "", virtualHost: "")),
        Good("amqp://:10000", Endpoint(host: "localhost", port: 10000)),
        Good("amqps://broker", Endpoint(host: "broker", port: 5671, tls: TLSOptions())),
        Good("amqps://broker:5672/%2F", Endpoint(host: "broker", port: 5672, tls: TLSOptions())),
        Good("amqp://broker/%2F", Endpoint(host: "broker", virtualHost: "/")),
        Good("amqp://broker/%2fjobs%2F", Endpoint(host: "broker", virtualHost: "/jobs/")),
        Good("amqp://ann:pw@broker/v", Endpoint(host: "broker", user: "ann", password: "pw", virtualHost: "v")),
        Good("amqp://ann@broker", Endpoint(host: "broker", user: "ann", password: "")),
        Good("amqp://a%40b:p%3A%2F%25@broker", Endpoint(host: "broker", user: "a@b", password: "p:/%")),
        Good("amqp://ann:a:b@broker", Endpoint(host: "broker", user: "ann", password: "a:b")),
        Good("amqp://%C3%A4:%C3%B6@broker", Endpoint(host: "broker", user: "ä", password: "ö")),
        Good("amqp://[::1]", Endpoint(host: "::1")),
        Good(
            "amqp://u:p@[fe80::1]:1234/x",
            Endpoint(host: "fe80::1", port: 1234, user: "u", password: "p", virtualHost: "x")
        ),
        Good("amqp://broker:65535?", Endpoint(host: "broker", port: 65535)),
    ]

    @Test(arguments: good)
    func `a URI gives its parts`(uri: Good) throws {
        #expect(try Endpoint(uri: uri.uri) == uri.endpoint)
    }

    /// Each has `s3cret` in the place of the password.
    static let bad: [(uri: String, says: String)] = [
        ("ann:s3cret@broker", "no scheme"),
        ("http://ann:s3cret@broker", "the scheme 'http'"),
        ("amqp://ann:s3cret@broker:0", "port"),
        ("amqp://ann:s3cret@broker:65536", "port"),
        ("amqp://ann:s3cret@broker:http", "port"),
        ("amqp://ann:s3cret@broker:", "port"),
        ("amqp://ann:s3cret%zz@broker", "percent-encoding"),
        ("amqp://ann:s3cret%4@broker", "percent-encoding"),
        ("amqp://ann:s3cret%FF@broker", "percent-encoding"),
        ("amqp://ann:s3cret@bro%ker", "percent-encoding"),
        ("amqp://ann:s3cret@broker/%", "percent-encoding"),
        ("amqp://ann:s3cret@broker/a/b", "second '/'"),
        ("amqp://ann:s3cret@[::1", "']'"),
        ("amqp://ann:s3cret@[::1]x", "after its host"),
        ("amqp://ann:s3cret/more@broker", "port"),
        ("amqp://[ann]s3cret/more@broker", "after its host"),
        ("amqp://ann:s3?cret@broker", "after its '?'"),
        ("amqp://ann:s?s3cret=1@broker", "after its '?'"),
    ]

    @Test(arguments: bad.indices)
    func `a broken URI says what is wrong, and never the password`(index: Int) {
        let (uri, says) = Self.bad[index]
        do throws(AMQPError) {
            _ = try Endpoint(uri: uri)
            Issue.record("\(uri) was taken")
        } catch {
            #expect(error.code == .invalidSettings)
            #expect(error.text.contains(says), "\(error)")
            #expect(!error.description.contains("s3cret"), "\(error)")
        }
    }

    @Test func `the address for logs has no credentials`() {
        let endpoint = Endpoint(host: "h", port: 1, user: "ann", password: "s3cret", virtualHost: "v")
        #expect(endpoint.address == "h:1, vhost 'v'")
    }
}
