"""Small OpenDSS circuits, each showing one thing the importer must carry exactly."""

from __future__ import annotations

HEAD = """
clear
new circuit.case bus1=src basekv=12.47 pu=1.02 angle=10 mvasc3=200 mvasc1=180
new linecode.oh nphases=3 basefreq=60 units=km
~ rmatrix=[0.2153 | 0.0969 0.2097 | 0.0982 0.0954 0.2121]
~ xmatrix=[0.6325 | 0.3117 0.6511 | 0.2632 0.2392 0.6430]
~ cmatrix=[10 | -2 9 | -1 -2 9.5]
new line.feeder bus1=src bus2=a linecode=oh length=2.5 units=km normamps=400
"""

TAIL = """
set voltagebases=[12.47 4.16 0.48 0.24 0.208]
calcvoltagebases
solve
"""

MASTERS = {
    "open-wye-open-delta": """
new transformer.u1 phases=1 windings=2 xhl=4
~ wdg=1 bus=a.1.0 kv=7.2 kva=50 %r=0.8 wdg=2 bus=b.1.2 kv=0.24 kva=50 %r=0.8 conn=delta
new transformer.u2 phases=1 windings=2 xhl=4
~ wdg=1 bus=a.2.0 kv=7.2 kva=25 %r=0.9 wdg=2 bus=b.2.3 kv=0.24 kva=25 %r=0.9 conn=delta
new load.d3 bus1=b.1.2.3 phases=3 conn=delta kv=0.24 kw=20 kvar=9
new load.d1 bus1=b.1.2 phases=1 conn=delta kv=0.24 kw=15 kvar=2 model=2
""",
    "banks": """
new transformer.dy phases=3 windings=2 xhl=5 %noloadloss=0.3 %imag=0.8
~ wdg=1 bus=a conn=delta kv=12.47 kva=500 %r=0.5 wdg=2 bus=b conn=wye kv=0.48 kva=500 %r=0.5 tap=1.025
new transformer.yd phases=3 windings=2 xhl=6 leadlag=lead
~ wdg=1 bus=a conn=wye kv=12.47 kva=300 %r=0.6 wdg=2 bus=c conn=delta kv=4.16 kva=300 %r=0.6
new transformer.yz phases=3 windings=2 xhl=6
~ wdg=1 bus=a.1.2.3.4 conn=wye kv=12.47 kva=300 %r=0.6 rneut=5 xneut=2
~ wdg=2 bus=d conn=wye kv=0.208 kva=300 %r=0.6
new load.b bus1=b phases=3 kv=0.48 kw=200 pf=0.9 model=5
new load.c bus1=c.1.2.3 phases=3 conn=delta kv=4.16 kw=150 kvar=80
new load.d bus1=d phases=3 kv=0.208 kw=90 pf=0.95 model=8 zipv=[0.3 0.3 0.4 0.5 0.2 0.3 0.6]
new load.e bus1=c.1.2.3 phases=2 conn=delta kv=4.16 kw=30 kvar=5
""",
    "regulators": """
new transformer.r1 phases=1 xhl=0.01 kvas=[2000 2000] buses=[a.1 b.1] kvs=[7.2 7.2]
~ taps=[1 1.04375] %loadloss=0.01
new transformer.r2 phases=1 xhl=0.01 kvas=[2000 2000] buses=[a.2 b.2] kvs=[7.2 7.2]
~ taps=[1 1.0125] %loadloss=0.01
new transformer.r3 phases=1 xhl=0.01 kvas=[2000 2000] buses=[a.3 b.3] kvs=[7.2 7.2] %loadloss=0.01
new regcontrol.c3 transformer=r3 winding=2 vreg=124 band=2 ptratio=60 ctprim=300 r=2 x=5 delay=30
new line.lateral phases=1 bus1=b.2 bus2=c.2 r1=0.5 x1=0.6 r0=0.5 x0=0.6 c1=5 c0=5 length=3 units=km
new line.vee phases=2 bus1=b.3.1 bus2=d.3.1 r1=0.4 x1=0.6 r0=0.9 x0=1.6 c1=5 c0=3 length=4 units=km
new load.b bus1=b phases=3 kv=12.47 kw=1500 kvar=500 vminpu=0.85
new load.c bus1=c.2 phases=1 kv=7.2 kw=200 kvar=90 model=4 cvrwatts=0.8 cvrvars=2.5
new load.d bus1=d.3.1 phases=2 kv=12.47 kw=200 kvar=90
new load.m3 bus1=d.3 phases=1 kv=7.2 kw=20 kvar=9 status=fixed
set loadmult=1.1
""",
    "centre-tap": """
new transformer.t phases=1 windings=3 xhl=2.04 xht=2.04 xlt=1.36 %noloadloss=0.2 %imag=0.5
~ wdg=1 bus=a.3.0 kv=7.2 kva=25 %r=0.6 wdg=2 bus=x.1.0 kv=0.12 kva=25 %r=1.2
~ wdg=3 bus=x.0.2 kv=0.12 kva=25 %r=1.2
new linecode.triplex nphases=2 rmatrix=[0.3 | 0.1 0.3] xmatrix=[0.15 | 0.09 0.15] units=km
new line.drop bus1=x.1.2 bus2=h.1.2 linecode=triplex length=30 units=m
new line.drop2 bus1=x.1.2 bus2=g.1.2 linecode=triplex length=40 units=m
new load.both bus1=h.1.2 phases=2 kv=0.208 kw=4 pf=0.95
new load.leg1 bus1=g.1 phases=1 kv=0.12 kw=1.5 pf=0.98
new load.leg2 bus1=g.2 phases=1 kv=0.12 kw=0.4 pf=1
new load.line bus1=g.1.2 phases=1 kv=0.24 kw=3 pf=0.97
""",
    "neutral-kept": """
new transformer.t phases=1 windings=3 xhl=2.04 xht=2.04 xlt=1.36
~ wdg=1 bus=a.1.0 kv=7.2 kva=25 %r=0.6 wdg=2 bus=x.1.3 kv=0.12 kva=25 %r=1.2
~ wdg=3 bus=x.3.2 kv=0.12 kva=25 %r=1.2
new reactor.ground phases=1 bus1=x.3 bus2=x.0 r=25 x=0
new linecode.three nphases=3 rmatrix=[0.3 | 0.1 0.3 | 0.1 0.1 0.4]
~ xmatrix=[0.6 | 0.4 0.6 | 0.4 0.4 0.7] units=km
new line.drop bus1=x.1.2.3 bus2=h.1.2.3 linecode=three length=30 units=m
new load.leg1 bus1=h.1.3 phases=1 kv=0.12 kw=3.5 pf=0.98
new load.both bus1=h.1.2.3 phases=2 kv=0.208 kw=3 pf=0.95
new load.line bus1=h.1.2 phases=1 kv=0.24 kw=3 pf=0.97
""",
    "odds": """
new line.sw bus1=a bus2=b switch=yes
new line.tie bus1=b bus2=c linecode=oh length=1 units=km
new line.opened bus1=c bus2=d linecode=oh length=5 units=km
new line.gone bus1=b bus2=d linecode=oh length=5 units=km enabled=no
new capacitor.wye bus1=b phases=3 kvar=[100 100 100] numsteps=3 states=[1 1 0] kv=12.47
new capacitor.delta bus1=c.1.2.3 phases=3 conn=delta kvar=150 kv=12.47
new capacitor.single bus1=c.2 phases=1 kvar=50 kv=7.2
new capacitor.series bus1=c bus2=e phases=3 cuf=3000 kv=12.47
new capcontrol.cc capacitor=wye element=line.sw terminal=1 type=voltage
~ onsetting=1 offsetting=300 ptratio=60
new reactor.shunt bus1=c phases=3 kvar=60 kv=12.47
new load.e bus1=e phases=3 kv=12.47 kw=700 pf=0.9
new load.small bus1=c.1.2 phases=1 conn=delta kv=12.47 kw=50 kvar=20 model=6
new load.motor bus1=c.3 phases=1 kv=7.2 kw=50 kvar=20 model=3
new generator.g bus1=e phases=3 kv=12.47 kw=300 kvar=50 model=1
new pvsystem.pv bus1=c.1 phases=1 kv=7.2 kva=60 pmpp=50 irradiance=0.8 pf=1
open line.opened 2
""",
}


def master(name: str) -> str:
    """The whole script of a case."""
    return HEAD + MASTERS[name] + TAIL
