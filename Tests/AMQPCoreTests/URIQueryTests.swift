import AMQPCore
import TestSupport
import Testing

@Suite struct URIQueryTests {
    @Test func `heartbeat, timeout and limits win over the options of the connection`() throws {
        let uri = "amqp://broker/v?heartbeat=5&connection_timeout=1500&channel_max=0&frame_max=8192"
        let endpoint = try Endpoint(uri: uri)
        #expect(endpoint.virtualHost == "v")
        #expect(endpoint.heartbeatSeconds == 5)
        #expect(endpoint.connectTimeout == .milliseconds(1500))
        #expect(endpoint.channelMax == 0)
        #expect(endpoint.frameMax == 8192)
        #expect(endpoint.mechanisms == [.plain, .amqplain])
    }

    @Test func `C3: auth_mechanism may repeat, in order of preference and in any case`() throws {
        let uri = "amqp://broker?auth_mechanism=external&auth_mechanism=PLAIN&auth_mechanism=rabbit-cr-demo"
        #expect(try Endpoint(uri: uri).mechanisms == [.external, .plain, .rabbitCRDemo])
    }

    @Test func `TLS takes its files, its name and its verification from the parameters`() throws {
        let uri =
            "amqps://broker?cacertfile=%2Fetc%2Fca.pem&certfile=/etc/c%20c.pem&keyfile=/etc/k.pem&password=p%26w"
            + "&verify=verify_none&server_name_indication=mq.example"
        let tls = try #require(try Endpoint(uri: uri).tls)
        #expect(
            tls
                == TLSOptions(
                    caFile: "/etc/ca.pem",
                    certificateFile: "/etc/c c.pem",
                    keyFile: "/etc/k.pem",
                    keyPassword: "p&w",
                    verification: .none,
                    serverName: .name("mq.example")
                )
        )
    }

    @Test func `verification is on unless it is switched off`() throws {
        #expect(try Endpoint(uri: "amqps://broker").tls?.verification == .full)
        #expect(try Endpoint(uri: "amqps://broker?verify=verify_peer").tls?.verification == .full)
        #expect(try Endpoint(uri: "amqps://b?server_name_indication=disable").tls?.serverName == .omitted)
    }

    static let bad: [(query: String, says: String)] = [
        ("heartbeat", "name=value"),
        ("heartbeat=%zz", "percent-encoded"),
        ("heartbeat=-1", "0 to 65535"),
        ("heartbeat=", "0 to 65535"),
        ("connection_timeout=0", "1 to 86400000"),
        ("channel_max=65536", "0 to 65535"),
        ("frame_max=4096", "8192 to"),
        ("heartbeat=1&heartbeat=2", "'heartbeat' twice"),
        ("hartbeat=1", "unknown query parameter 'hartbeat' (known are auth_mechanism, channel_max,"),
        ("auth_mechanism=md5", "plain, amqplain, external, rabbit-cr-demo"),
        ("verify=peer", "verify_peer or verify_none"),
        ("cacertfile=", "nothing after 'cacertfile='"),
        ("keyfile=/k.pem", "a keyfile without a certfile"),
        ("fail_if_no_peer_cert=true", "an option of servers"),
        ("depth=2", "unknown query parameter 'depth'"),
    ]

    @Test(arguments: bad.indices)
    func `a parameter that means nothing is refused, and what would be right is named`(index: Int) {
        let (query, says) = Self.bad[index]
        let error = Scripted.error { () throws(AMQPError) in
            _ = try Endpoint(uri: "amqps://ann:s3cret@broker?\(query)")
        }
        #expect(error?.code == .invalidSettings)
        #expect(error?.text.contains(says) == true, "\(String(describing: error))")
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test(arguments: [
        "amqp://u:s3/cret@h", "amqp://u:12/s3cret@h", "amqp://u:s3cret?x@h", "amqp://u:s3cret", "s3cret@h://x",
        "u:s3cret://h", "amqps://h?password=a&s3cret=b", "amqps://h?password=a&b=s3cret", "amqp://h?heartbeat=s3cret",
        "amqps://h?verify=s3cret", "amqp://h?auth_mechanism=s3cret", "amqp://u:%zzs3cret@h", "amqp://u:s3cret@h:x",
    ])
    func `what may be a password is repeated by no message, and never taken for an address`(uri: String) {
        let error = Scripted.error { () throws(AMQPError) in _ = try Endpoint(uri: uri) }
        #expect(error?.code == .invalidSettings, "\(uri)")
        #expect(error?.description.contains("cret") == false, "\(String(describing: error))")
    }

    @Test func `whoever prints an endpoint prints no password`() throws {
        let endpoint = try Endpoint(uri: "amqps://ann:s3cret@h/v?certfile=/c&password=k3y")
        var dumped = ""
        dump([endpoint], to: &dumped)
        for text in ["\(endpoint)", "\([endpoint.tls])", "\([endpoint])", dumped] {
            #expect(!text.contains("s3cret") && !text.contains("k3y"), "\(text)")
            #expect(text.contains("/c"))
        }
    }

    @Test func `parameters of TLS without TLS are a mistake`() {
        let error = Scripted.error { () throws(AMQPError) in
            _ = try Endpoint(uri: "amqp://broker?cacertfile=/ca.pem")
        }
        #expect(error?.text.contains("write amqps://") == true)
    }
}
