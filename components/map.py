"""Where is it? The skeleton of a map: cells by state, names, points."""

from collections.abc import Mapping
from typing import Any

import dash_leaflet as dl
from dash import html
from dash.development.base_component import Component

from components import text

CELLS = "/shapes/{code}"
GROUND = "/shapes/{code}/ground"
_KEY = ("alarm", "warning", "attention", "stale")
_MARKS = {"alarm": "red", "warning": "orange", "attention": "blue", "stale": "stale"}


def place_map(
    key: str,
    place: Mapping[str, Any],
    lang: str,
    *,
    points: str = "",
    className: str = "",
    controls: bool = True,
) -> Component:
    """`key`: the `layer.*` with the status of every child; `points`: another one with lon and lat."""
    say = text.speaker(lang)
    centre = place.get("centre") or [0, 0]
    zoom = [dl.ZoomControl(position="topright")] if controls else []
    return html.Div(
        [
            dl.Map(
                [*_ground(place), _cells(key, place), *zoom],
                id=key.replace(".", "-"),
                center=[centre[1], centre[0]],
                zoom=10,
                zoomSnap=0.25,
                zoomControl=False,
                attributionControl=False,
                keyboard=controls,
                dragging=controls,
                scrollWheelZoom=controls,
            ),
            _legend(say, place),
        ],
        className=f"map {className}".strip(),
        role="group",
        **{"aria-label": say("word.map"), "data-map": key, "data-cells": key, "data-points": points},
    )


def _cells(key: str, place: Mapping[str, Any]) -> Component:
    return dl.GeoJSON(
        id=f"{key.replace('.', '-')}-cells",
        url=CELLS.format(code=place["code"]) if place["code"] else None,
        style={"variable": "cityops.map.style"},
        onEachFeature={"variable": "cityops.map.each"},
        hideout={"key": key},
    )


def _ground(place: Mapping[str, Any]) -> list[Component]:
    if not place["code"]:
        return []
    return [
        dl.GeoJSON(
            url=GROUND.format(code=place["code"]), style={"variable": "cityops.map.base"}, interactive=False
        )
    ]


def _legend(say: Any, place: Mapping[str, Any]) -> Component:
    marks = [
        html.Span([html.I(className=f"mk mk-{_MARKS[one]}", **{"aria-hidden": "true"}), say(f"status.{one}")])
        for one in _KEY
    ]
    schematic = [html.Span(say("word.schematic"))] if place.get("cells_schematic", True) else []
    return html.Div([*marks, *schematic], className="key")
