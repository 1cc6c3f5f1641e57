"""Calls a server as the ordinary examples of Python clients do; prints one line per call."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import litellm
from agents import Agent, ModelSettings, Runner, function_tool, set_tracing_disabled
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langchain_openai import OpenAI as LangChainCompletions
from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI, pydantic_function_tool
from pydantic import BaseModel

MODEL = "current"
HELLO = [{"role": "user", "content": "Say hello."}]
LONG = [{"role": "user", "content": "word " * 9000}]
client = OpenAI(max_retries=0, timeout=300)
langchain = ChatOpenAI(model=MODEL, max_tokens=60, max_retries=0, temperature=0)


class Light(BaseModel):
    """The state of a light."""

    room: str
    on: bool


@function_tool
def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def chat(**more):
    settings = {"max_tokens": 12, "temperature": 0} | more
    messages = settings.pop("messages", HELLO)
    return client.chat.completions.create(model=MODEL, messages=messages, **settings)


def models():
    return client.models.list().data[0].id == MODEL


def streamed_text_is_the_whole_one():
    parts = chat(stream=True, stream_options={"include_usage": True})
    text = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
    return text == chat().choices[0].message.content and text


def developer_and_history():
    messages = [
        {"role": "developer", "content": "Be brief."},
        *HELLO,
        chat().choices[0].message.model_dump(),
        *HELLO,
    ]
    return chat(messages=messages).choices[0].message.content


def parsed():
    question = [{"role": "user", "content": "Is the kitchen light on?"}]
    found = client.chat.completions.parse(
        model=MODEL, messages=question, response_format=Light, max_tokens=80
    )
    return isinstance(found.choices[0].message.parsed, Light)


def responses():
    return client.responses.create(
        model=MODEL, input="Say hello.", max_output_tokens=40
    ).output_text


def responses_streamed():
    with client.responses.stream(model=MODEL, input="Say hello.") as events:
        kinds = [event.type for event in events]
        return kinds[-1] == "response.completed" and events.get_final_response().output_text


def responses_parsed():
    found = client.responses.parse(
        model=MODEL, input="Is the light on?", text_format=Light, max_output_tokens=80
    )
    return isinstance(found.output_parsed, Light)


def required_tool():
    question = [{"role": "user", "content": "Is the kitchen light on?"}]
    found = client.chat.completions.parse(
        model=MODEL,
        messages=question,
        tools=[pydantic_function_tool(Light)],
        tool_choice="required",
        max_tokens=80,
    )
    calls = found.choices[0].message.tool_calls
    return isinstance(calls[0].function.parsed_arguments, Light)


def several_answers():
    return len(chat(n=2, temperature=1).choices) == 2


def log_probabilities():
    first = chat(logprobs=True, top_logprobs=3).choices[0].logprobs.content[0]
    return len(first.top_logprobs) == 3 and first.logprob <= 0


def two_prompts():
    prompts = ["The capital of France is", "One, two,"]
    found = client.completions.create(model=MODEL, prompt=prompts, max_tokens=3, temperature=0)
    return found.choices[0].text.startswith(" Paris")


def unknown_model():
    try:
        client.chat.completions.create(model="curent", messages=HELLO)
    except NotFoundError as error:
        return "did you mean current" in str(error)


def too_long():
    try:
        chat(messages=LONG)
    except BadRequestError as error:
        return error.code == "context_length_exceeded"


def side_by_side():
    async def ask():
        other = AsyncOpenAI()
        one = {"model": MODEL, "messages": HELLO, "max_tokens": 6}
        return await asyncio.gather(*(other.chat.completions.create(**one) for _ in range(4)))

    return len(asyncio.run(ask())) == 4


def litellm_chat():
    found = litellm.completion(model=f"openai/{MODEL}", messages=HELLO, max_tokens=6)
    return found.choices[0].message.content


def litellm_window():
    try:
        litellm.completion(model=f"openai/{MODEL}", messages=LONG)
    except litellm.ContextWindowExceededError:
        return True


def langchain_stream():
    return "".join(chunk.content for chunk in langchain.bind(max_tokens=8).stream("Say hello."))


def langchain_structured():
    ways = ("json_schema", "function_calling")
    found = [langchain.with_structured_output(Light, method=way) for way in ways]
    return all(isinstance(one.invoke("Is the light on?"), Light) for one in found)


def langchain_tools():
    bound = langchain.bind_tools([add], tool_choice="any", parallel_tool_calls=False)
    return [call["name"] for call in bound.invoke("What is 2 + 3?").tool_calls] == ["add"]


def langchain_two_prompts():
    found = LangChainCompletions(model=MODEL, max_tokens=3).generate(["One,", "Two,"])
    return len(found.generations) == 2


def agents():
    settings = ModelSettings(max_tokens=40)
    agent = Agent(name="a", instructions="Be brief.", model=MODEL, model_settings=settings)
    return Runner.run_sync(agent, "Say hello.").final_output


def agents_tool():
    settings = ModelSettings(max_tokens=60, tool_choice="required")
    agent = Agent(
        name="a",
        model=MODEL,
        tools=[weather],
        model_settings=settings,
        # Whether a small model is content with what a tool says is not the question.
        tool_use_behavior="stop_on_first_tool",
    )
    found = Runner.run_sync(agent, "How is the weather in Paris?", max_turns=3)
    return str(found.final_output).startswith("sunny")


def llm_command():
    folder = Path(os.environ["LLM_USER_PATH"])
    folder.mkdir(exist_ok=True)
    address = os.environ["OPENAI_BASE_URL"]
    model = f"- model_id: ours\n  model_name: {MODEL}\n  api_base: {address}\n"
    (folder / "extra-openai-models.yaml").write_text(model)
    command = [Path(sys.executable).parent / "llm", "-m", "ours", "Say hello."]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


CALLS: tuple[Callable[[], object], ...] = (
    *(models, streamed_text_is_the_whole_one, developer_and_history, parsed, responses),
    *(responses_streamed, responses_parsed, required_tool, several_answers, log_probabilities),
    *(two_prompts, unknown_model, too_long, side_by_side, litellm_chat, litellm_window),
    *(langchain_stream, langchain_structured, langchain_tools, langchain_two_prompts),
    *(agents, agents_tool, llm_command),
)


def main() -> int:
    set_tracing_disabled(True)
    litellm.suppress_debug_info = True
    failed = 0
    for call in CALLS:
        try:
            found = call()
            trouble = "" if found else f": {found!r}"
        except Exception as error:
            trouble = f": {type(error).__name__}: {str(error)[:300]}"
        failed += bool(trouble)
        print(f"{'FAIL' if trouble else 'ok  '} {call.__name__}{trouble}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
