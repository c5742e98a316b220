"""How compiled code receives a State: as one pointer to a small table of addresses.

Numba passes a tuple of record arrays as some ninety numbers at every call and counts references to
each array; functions that call one another thousands of times a month spend their time on that.
Here the table is written once, when Python calls; inside, `state.actors` reads an address and a
length. Python keeps the arrays alive for the time of the call, so nothing is counted.
"""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.imputils import impl_ret_borrowed, lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.core.typing.typeof import typeof_impl
from numba.extending import NativeValue, register_model, unbox
from numba.np import arrayobj

from cosim.state import (
    ACTORS,
    ALLIANCES,
    CALENDAR,
    COMMUNES,
    JOURNAL,
    PLACES,
    PROPOSALS,
    SETTINGS,
    TERRITORY,
    TIES,
    State,
)

_ROWS = {
    "actors": ACTORS, "ties": TIES, "alliances": ALLIANCES, "places": PLACES,
    "proposals": PROPOSALS, "communes": COMMUNES, "calendar": CALENDAR, "journal": JOURNAL,
}  # fmt: skip
_ONE = {"territory": TERRITORY, "settings": SETTINGS}
_PLAIN = {
    "residents": types.int64[::1], "order": types.int64[::1], "kinds": types.int64[::1],
    "old": types.float64[::1], "mark": types.int32[::1], "beta": types.float64[:, :, ::1],
}  # fmt: skip
_BETA_SHAPE = (5, 2, 1025)


def _type_of(name: str) -> Any:
    if name in _ROWS:
        return types.Array(numba.from_dtype(_ROWS[name]), 1, "C", aligned=True)
    if name in _ONE:
        return numba.from_dtype(_ONE[name])
    return _PLAIN[name]


#: field of State -> Numba type, in order.
FIELDS: dict[str, Any] = {name: _type_of(name) for name in State._fields}
_ORDER = list(FIELDS)


class StateType(types.Type):
    """The type of a State in compiled code."""

    def __init__(self) -> None:
        super().__init__(name="State")


STATE = StateType()


@typeof_impl.register(State)
def _typeof(value: State, context: Any) -> StateType:
    return STATE


@register_model(StateType)
class _Model(models.OpaqueModel):
    """A pointer to the table: address and length of each field."""


@infer_getattr
class _Attributes(AttributeTemplate):
    key = StateType

    def generic_resolve(self, typ: StateType, name: str) -> Any:  # type: ignore[override]
        return FIELDS.get(name)


def _slot(builder: Any, table: Any, index: int) -> Any:
    return builder.load(cgutils.gep_inbounds(builder, table, 0, index))


def _table_type() -> Any:
    return ir.ArrayType(ir.IntType(64), 2 * len(FIELDS))


@lower_getattr_generic(StateType)
def _getattr(context: Any, builder: Any, typ: StateType, value: Any, name: str) -> Any:
    """Return the field: an array that counts no reference, or the pointer of a record."""
    wanted = FIELDS[name]
    place = 2 * _ORDER.index(name)
    table = builder.bitcast(value, _table_type().as_pointer())
    address = _slot(builder, table, place)
    if isinstance(wanted, types.Record):
        return builder.inttoptr(address, context.get_value_type(wanted))
    array = context.make_array(wanted)(context, builder)
    itemsize = context.get_abi_sizeof(context.get_data_type(wanted.dtype))
    intp = context.get_value_type(types.intp)
    if wanted.ndim == 1:
        shape, steps = [_slot(builder, table, place + 1)], [itemsize]
    else:
        shape = [intp(n) for n in _BETA_SHAPE]
        steps = [itemsize * _BETA_SHAPE[1] * _BETA_SHAPE[2], itemsize * _BETA_SHAPE[2], itemsize]
    arrayobj.populate_array(
        array,
        data=builder.inttoptr(address, array.data.type),
        shape=shape,
        strides=[intp(step) for step in steps],
        itemsize=itemsize,
        meminfo=None,
    )
    return impl_ret_borrowed(context, builder, wanted, array._getvalue())


@unbox(StateType)
def _unbox(typ: StateType, obj: Any, c: Any) -> NativeValue:
    """Write the table on the stack of the call; let the arrays go when the call is over."""
    table = cgutils.alloca_once(c.builder, _table_type())
    failed = cgutils.alloca_once_value(c.builder, cgutils.false_bit)
    cleanups = []
    int64 = ir.IntType(64)
    # Records first: reading them is Python code, which an error already raised would upset.
    for name in sorted(FIELDS, key=lambda name: name not in _ONE):
        index, wanted = _ORDER.index(name), FIELDS[name]
        item = c.pyapi.object_getattr_string(obj, name)
        native = c.unbox(wanted, item)
        with c.builder.if_then(native.is_error, likely=False):
            c.builder.store(cgutils.true_bit, failed)
        if isinstance(wanted, types.Record):
            data, length = native.value, int64(1)
        else:
            array = c.context.make_array(wanted)(c.context, c.builder, native.value)
            data, length = array.data, array.nitems
            step = cgutils.unpack_tuple(c.builder, array.strides)[-1]
            apart = c.builder.and_(
                c.builder.icmp_unsigned("!=", step, array.itemsize),
                c.builder.icmp_signed(">", array.nitems, int64(1)),
            )
            with c.builder.if_then(apart, likely=False):
                c.pyapi.err_set_string(
                    "PyExc_TypeError", f"state.{name} is not contiguous: copy the state first"
                )
                c.builder.store(cgutils.true_bit, failed)
        for place, number in (
            (2 * index, c.builder.ptrtoint(data, int64)),
            (2 * index + 1, length),
        ):
            c.builder.store(number, cgutils.gep_inbounds(c.builder, table, 0, place))
        cleanups.append((native, wanted, item))

    def cleanup() -> None:
        for native, wanted, item in reversed(cleanups):
            if native.cleanup is not None:
                native.cleanup()
            if c.context.enable_nrt and isinstance(wanted, types.Array):
                c.context.nrt.decref(c.builder, wanted, native.value)
            c.pyapi.decref(item)

    pointer = c.builder.bitcast(table, cgutils.voidptr_t)
    return NativeValue(pointer, cleanup=cleanup, is_error=c.builder.load(failed))
