"""The inner parts of paramiko that the hardening holds on to: a version that changes them must fail here, loudly."""

from __future__ import annotations

import inspect
import socket

import paramiko
import pytest
from paramiko import Channel, Transport
from paramiko.auth_handler import AuthHandler
from paramiko.buffered_pipe import BufferedPipe
from paramiko.common import MSG_EXT_INFO, MSG_KEXINIT, MSG_SERVICE_ACCEPT
from paramiko.compress import ZlibCompressor
from paramiko.packet import Packetizer

from stopgap.orchestrator.remote import Limits
from stopgap.orchestrator.remote.allowance import Allowance
from stopgap.orchestrator.remote.compression import DELAYED, BoundedDecompressor
from stopgap.orchestrator.remote.transport import (
    Arrival,
    CappedPacketizer,
    HardenedTransport,
    PromptAuthHandler,
    request_exec,
    widen,
)


@pytest.fixture
def transport():
    ours, theirs = socket.socketpair()
    transport = HardenedTransport(ours, Limits(), ("ssh-rsa",))
    yield transport
    ours.close()
    theirs.close()


def source(function: object) -> str:
    return inspect.getsource(function)  # type: ignore[arg-type]


def test_the_version_is_one_that_was_looked_into():
    assert paramiko.__version__.startswith("5.")


def test_every_read_goes_through_read_all_and_every_banner_through_read_timeout():
    assert "self.read_all(" in source(Packetizer.read_message)
    assert "recv(" not in source(Packetizer.read_message)
    assert "self._read_timeout(timeout)" in source(Packetizer.readline)
    assert list(inspect.signature(Packetizer.read_all).parameters) == ["self", "n", "check_rekey"]
    assert list(inspect.signature(Packetizer._read_timeout).parameters) == ["self", "timeout"]
    assert list(inspect.signature(Packetizer.start_handshake).parameters) == ["self", "timeout"]
    assert "self.packetizer.start_handshake(" in source(Transport.run)


def test_the_transport_takes_our_packetizer_and_our_channel_handlers(transport: HardenedTransport):
    assert isinstance(transport.packetizer, CappedPacketizer)
    assert "self._channel_handler_table[ptype](chan, m)" in source(Transport.run)
    assert set(transport._channel_handler_table) == set(Transport._channel_handler_table)
    assert "isinstance(m, bytes)" in source(Channel._feed)
    assert "self.in_buffer.feed(s)" in source(Channel._feed)
    assert "self.in_stderr_buffer.feed(s)" in source(Channel._feed_extended)


def test_what_a_server_counts_is_read_by_our_handlers(transport: HardenedTransport):
    assert "self._handler_table[ptype](m)" in source(Transport.run)
    assert transport._handler_table[MSG_EXT_INFO] == transport._parse_ext_info
    assert transport._handler_table[MSG_KEXINIT] == transport._negotiate_keys
    assert "self.server_extensions = extensions" in source(Transport._parse_ext_info)
    assert "self.transport.server_extensions" in source(AuthHandler._finalize_pubkey_algorithm)


def ext_info(count: int, *strings: bytes) -> paramiko.Message:
    message = paramiko.Message()
    message.add_int(count)
    for string in strings:
        message.add_string(string)
    message.rewind()
    return message


def test_extensions_are_read_as_far_as_they_were_sent(transport: HardenedTransport):
    transport._parse_ext_info(ext_info(1, b"server-sig-algs", b"rsa-sha2-512,ssh-ed25519"))
    assert transport.server_extensions == {"server-sig-algs": b"rsa-sha2-512,ssh-ed25519"}
    for message in (ext_info(2**32 - 1), ext_info(65, *[b"x"] * 130)):
        with pytest.raises(paramiko.SSHException):
            transport._parse_ext_info(message)


def test_a_string_that_is_longer_than_its_message_is_not_filled_up(transport: HardenedTransport):
    channel, message = Channel(0), paramiko.Message()
    message.add_int(1 << 19)
    message.rewind()
    with pytest.raises(paramiko.SSHException):
        transport._take_stdout(channel, message)
    assert len(channel.in_buffer) == 0


def test_an_offer_of_algorithms_has_an_end(transport: HardenedTransport):
    message = paramiko.Message(b"x" * 35_001)
    with pytest.raises(paramiko.SSHException, match="without end"):
        transport._negotiate_keys(message)


def test_every_message_counts_but_data_that_a_channel_has_taken():
    limits, now = Limits(messages=10, messages_per_second=2, chatter=1000, chatter_per_second=10), [0.0]
    allowance = Allowance(limits, lambda: now[0])
    for _ in range(100):
        assert allowance.spend(200)
        allowance.give_back(200)
    assert [allowance.spend(0) for _ in range(11)] == [True] * 10 + [False]
    now[0] = 3.0
    assert [allowance.spend(0) for _ in range(6)] == [True] * 5 + [False]
    now[0] = 1e6
    assert allowance.spend(1000)
    assert not allowance.spend(1)


def test_data_of_next_to_nothing_counts_in_part():
    allowance = Allowance(Limits(messages=10), lambda: 0.0)
    said = 0
    while allowance.spend(9):
        allowance.give_back(1)
        said += 1
    assert said == 13


def test_a_tunnel_whose_jump_host_has_gone_is_closed_like_any_other():
    class Tunnel:
        def close(self) -> None:
            raise EOFError

    packetizer = CappedPacketizer(Limits(), Tunnel())
    packetizer.close()
    assert packetizer.closed


def test_only_modern_algorithms_are_offered_and_gcm_comes_first(transport: HardenedTransport):
    options = transport.get_security_options()
    assert options.ciphers[0] == "aes128-gcm@openssh.com"
    offered = {*options.ciphers, *options.digests, *options.kex, *transport.preferred_keys, *options.compression}
    weak = ("cbc", "3des", "sha1", "md5", "group1-", "group-exchange", "ssh-rsa", "ssh-dss", "zlib", "cert")
    assert not [name for name in offered if any(word in name for word in weak)]
    assert offered <= {
        *Transport._cipher_info,
        *Transport._mac_info,
        *Transport._key_info,
        *Transport._kex_info,
        "curve25519-sha256",
        "none",
    }
    assert len(options.kex) >= 6
    assert set(options.kex) - {"curve25519-sha256"} <= set(Transport._preferred_kex)


def test_a_compressed_transport_decompresses_within_a_bound():
    assert "self._compression_info[self.remote_compression][1]" in source(Transport._auth_trigger)
    assert "self.__compress_engine_in(payload)" in source(Packetizer.read_message)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        transport = HardenedTransport(ours, Limits(), compressed=True)
        assert transport.get_security_options().compression == (DELAYED, "none")
        assert isinstance(transport._compression_info[DELAYED][1](), BoundedDecompressor)


def test_a_packet_is_decompressed_up_to_its_bound_and_no_further():
    compress, decompress = ZlibCompressor(), BoundedDecompressor(1000)
    for packet in (b"x", bytes(1000), b"y" * 999):
        assert decompress(compress(packet)) == packet
    with pytest.raises(paramiko.SSHException, match="impossible length"):
        decompress(compress(bytes(1001)))
    with pytest.raises(paramiko.SSHException, match="impossible length"):
        BoundedDecompressor(1000)(b"")
    with pytest.raises(paramiko.SSHException, match="cannot be decompressed"):
        BoundedDecompressor(1000)(b"no stream of zlib")


def test_curve25519_is_the_method_that_it_is_by_both_of_its_names(transport: HardenedTransport):
    names = "curve25519-sha256", "curve25519-sha256@libssh.org"
    assert {transport._kex_info[name] for name in names} == {Transport._kex_info[names[1]]}
    assert [name for name in transport.get_security_options().kex if name in names] == list(names)
    assert "self._kex_info[agreed_kex[0]](self)" in source(Transport._parse_kex_init)


def test_the_kex_offer_is_built_from_what_we_set():
    text = source(Transport._send_kex_init)
    for name in ("ciphers", "macs", "keys", "compression"):
        assert f"self.preferred_{name}" in text
    assert "preferred_kex" in text


def test_pinned_key_types_are_asked_for_first(transport: HardenedTransport):
    assert transport.preferred_keys[:2] == ("rsa-sha2-512", "rsa-sha2-256")


def test_a_login_goes_out_with_the_request_for_the_service(transport: HardenedTransport):
    assert "self._request_auth()" in source(AuthHandler.auth_publickey)
    assert "cMSG_SERVICE_REQUEST" in source(AuthHandler._request_auth)
    assert "self.transport._send_message(m)" in source(AuthHandler._parse_service_accept)
    assert "AuthHandler(self)" in source(Transport.auth_publickey)
    handler = PromptAuthHandler(transport)
    assert handler._client_handler_table[MSG_SERVICE_ACCEPT] == handler._parse_service_accept
    assert handler._parse_service_accept(paramiko.Message()) is None


def test_an_exec_request_is_what_paramiko_itself_sends():
    ours = source(request_exec)
    for line in source(Channel.exec_command).splitlines():
        if line.strip().startswith("m.add_"):
            assert line.strip().removeprefix("m.").replace("self.", "channel.") in ours
    assert "def _send_user_message(self, data)" in source(Transport._send_user_message)


def test_a_window_is_what_was_announced_and_widened_as_paramiko_gives_it_back():
    assert "self.in_window_size = window_size" in source(Channel._set_window)
    assert "in_window_size" not in source(Channel._check_add_window)
    for line in source(Channel.recv).splitlines():
        if line.strip().startswith("m.add_"):
            told = line.strip().removeprefix("m.").replace("self.", "channel.").replace("(ack)", "(more)")
            assert told in source(widen)


def test_an_arrival_is_told_for_both_streams_and_for_the_end():
    channel = Channel(0)
    arrival = Arrival(channel)
    for happen in (
        lambda: channel.in_buffer.feed(b"x"),
        lambda: channel.in_stderr_buffer.feed(b"x"),
        channel.in_buffer.close,
    ):
        arrival.forget()
        happen()
        assert arrival._event.is_set()
    assert "self._event.set()" in source(BufferedPipe.feed)


def test_the_idle_poll_is_ours(transport: HardenedTransport):
    assert transport.sock.gettimeout() == Limits().poll


def test_whatever_paramiko_fell_over_is_told_through_get_exception(transport: HardenedTransport):
    transport.saved_exception = KeyError(255)
    assert isinstance(transport.get_exception(), paramiko.SSHException)
    assert "self.saved_exception = e" in source(Transport.run)
    assert "e = self.get_exception()" in source(Transport.open_channel)
    assert "get_exception()" in source(Channel._wait_for_event)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Packetizer, "read_all"),
        (Packetizer, "_read_timeout"),
        (Packetizer, "start_handshake"),
        (AuthHandler, "_request_auth"),
        (AuthHandler, "_parse_service_accept"),
        (Channel, "_feed"),
        (Channel, "_feed_extended"),
        (Channel, "_set_window"),
        (Channel, "_check_add_window"),
        (Channel, "exec_command"),
        (Transport, "_channel_handler_table"),
        (Transport, "_send_user_message"),
        (Transport, "_preferred_kex"),
        (Transport, "get_exception"),
    ],
)
def test_a_part_that_is_gone_is_missed(owner: type, name: str, monkeypatch: pytest.MonkeyPatch):
    """The guards of this file fail loudly, or nothing works at all, once paramiko has renamed what they guard."""
    monkeypatch.delattr(owner, name)
    with pytest.raises((AttributeError, AssertionError, TypeError)):
        guards()


def guards() -> None:
    """Go through everything above that looks into paramiko."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        built = HardenedTransport(ours, Limits(), ("ssh-rsa",))
        test_every_read_goes_through_read_all_and_every_banner_through_read_timeout()
        test_the_transport_takes_our_packetizer_and_our_channel_handlers(built)
        test_only_modern_algorithms_are_offered_and_gcm_comes_first(built)
        test_the_kex_offer_is_built_from_what_we_set()
        test_a_login_goes_out_with_the_request_for_the_service(built)
        test_an_exec_request_is_what_paramiko_itself_sends()
        test_a_window_is_what_was_announced_and_widened_as_paramiko_gives_it_back()
        test_an_arrival_is_told_for_both_streams_and_for_the_end()
        test_the_idle_poll_is_ours(built)
        test_whatever_paramiko_fell_over_is_told_through_get_exception(built)
