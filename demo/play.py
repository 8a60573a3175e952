"""The demo itself: what is done with the product, step by step, and compared with what should be."""

from collections.abc import Sequence
from typing import Any

from demo import archive, checks, dialling, live, network
from demo.archive import Entry
from demo.calls import DemoCall, demo_calls
from demo.checks import Outcome
from demo.dialling import Dialled
from demo.guide import guide, library
from demo.live import LiveCall
from demo.network import NetworkCall
from demo.partner import SUB_TENANT, TENANT, Partner
from demo.report import Report
from demo.stack import DemoFailed, Product
from demo.supervisor import Supervisor
from tests.support.partner_server import PartnerServer
from tests.support.sftp import SftpServer

ADMINISTRATOR = "admin"
SUPERVISOR = "supervisor"
CUSTOMER = "customer-1"
DISPOSITION = "interested"
CAMPAIGN = "Spring"
PARTNER = "Demo partner"


class Demo:
    """``differences`` are sentences about what was not as it should be; empty after a good `play`."""

    def __init__(self, product: Product, server: PartnerServer, store: SftpServer, report: Report) -> None:
        self.product, self.server, self.store, self.report = product, server, store, report
        self.differences: list[str] = []

    def play(self) -> None:
        step = self.report.step
        with step("Make a partner, and an administrator for the console"):
            self.make_accounts()
        with step(f"Generate recordings and serve them on {self.server.url('')}"):
            calls = demo_calls()
            self.partner.serve(calls)
        with step(f"Post {len(calls)} calls as one batch, and the very same batch again"):
            location = self.post_twice(calls)
        batch = self.report.progress(self.partner.follow(location))
        with step(f"Set the disposition of {CUSTOMER} to {DISPOSITION}"):
            self.update_disposition()
        with step("Compare states, files and callbacks with what should be"):
            outcomes = self.compare(calls, batch)
        with step(f"Sign in as {SUPERVISOR} and order the day's recordings as one ZIP"):
            supervisor, job = self.order_export()
        ended = self.report.export_progress(supervisor.follow(job["job_id"]))
        with step("Download the ZIP and compare every file in it with its manifest"):
            entries = self.take_export(supervisor, ended, outcomes)
        with step("Register a live call with the simulator, pause and resume its recording, hang it up"):
            call = self.play_live(supervisor)
        with step("Post a network's call whose recording is on an SFTP server, and correct its signal"):
            network_call = self.play_network(supervisor)
        with step(f"Have {len(dialling.EXPECTED)} contacts dialled by the simulator"):
            dialled = self.play_dialling()
        self.report.tables(outcomes)
        self.report.archive(entries)
        self.report.live(call)
        self.report.network(network_call)
        self.report.dialled(dialled)
        self.report.say(library(self.product.url, SUPERVISOR, self.supervisor_password))
        self.report.differences(self.differences)
        self.report.summary(outcomes, self.differences)

    def make_accounts(self) -> None:
        keys = self.product.create_partner(PARTNER, tenant=TENANT, sub_tenant=SUB_TENANT)
        self.partner = Partner(self.product.url, keys, self.server)
        self.password = self.product.create_administrator(ADMINISTRATOR)
        self.differences += checks.of_console(self.product.url, ADMINISTRATOR, self.password)

    def post_twice(self, calls: Sequence[DemoCall]) -> str:
        """The path of the first batch's status."""
        first, second = self.partner.post_batch(calls), self.partner.post_batch(calls)
        self.differences += checks.of_batch_answer(first, duplicates=0)
        self.differences += checks.of_batch_answer(second, duplicates=len(calls))
        if "Location" not in first.headers:
            raise DemoFailed(f"the batch was not taken: {first.status_code} {first.text[:300]}")
        return first.headers["Location"]

    def update_disposition(self) -> None:
        answer = self.partner.put_disposition(CUSTOMER, DISPOSITION)
        rows = self.product.rows("calls.customer", "calls.dispositionchange")
        self.differences += checks.of_disposition(answer, rows, customer=CUSTOMER, code=DISPOSITION)

    def compare(self, calls: Sequence[DemoCall], batch: dict[str, Any]) -> list[Outcome]:
        files = checks.stored_files(self.product.blobs)
        if [status["id"] for status in batch["calls"]] != [call.id for call in calls]:
            raise DemoFailed(f"the batch's status does not list the calls that were posted: {batch}")
        pairs = zip(calls, batch["calls"], strict=True)
        outcomes = [checks.outcome(call, status, self.partner, files) for call, status in pairs]
        for outcome in outcomes:
            self.differences += [f"{outcome.call.id}: {text}" for text in checks.of_call(outcome)]
        self.differences += checks.of_files(files, outcomes)
        return outcomes

    def order_export(self) -> tuple[Supervisor, dict[str, Any]]:
        self.supervisor_password = self.product.create_person(
            SUPERVISOR, TENANT, SUB_TENANT, role="supervisor"
        )
        supervisor = Supervisor(self.product.url)
        supervisor.sign_in(SUPERVISOR, self.supervisor_password)
        return supervisor, supervisor.order()

    def take_export(
        self, supervisor: Supervisor, job: dict[str, Any], outcomes: Sequence[Outcome]
    ) -> list[Entry]:
        path = supervisor.download(job, self.product.folder)
        entries = archive.entries(path)
        self.differences += archive.of_archive(path, entries, outcomes)
        return entries

    def play_live(self, supervisor: Supervisor) -> LiveCall:
        campaign = self.product.create_campaign(CAMPAIGN, TENANT, SUB_TENANT)
        call = live.play(supervisor, campaign)
        self.differences += live.of_live(call)
        self.differences += checks.of_library(
            self.product.url, SUPERVISOR, self.supervisor_password, phone=live.PHONE
        )
        return call

    def play_network(self, supervisor: Supervisor) -> NetworkCall:
        token = network.make(self.product, self.store, PARTNER)
        call = network.play(self.product.url, token, supervisor)
        self.differences += network.of_network(call)
        return call

    def play_dialling(self) -> Dialled:
        key, number = dialling.make(self.product, PARTNER)
        dialled = dialling.play(self.product.url, key, number)
        self.differences += dialling.of_dialled(dialled)
        return dialled

    def show_around(self) -> None:
        """Say where to look, and what to try."""
        recording_url = self.server.url(demo_calls()[0].recording_path)
        headers = self.partner.headers
        self.report.say(guide(self.product.url, ADMINISTRATOR, self.password, headers, recording_url))
