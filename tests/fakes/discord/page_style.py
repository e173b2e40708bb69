"""The looks of the page: Discord's dark theme."""

CSS = """
* { box-sizing: border-box }
body { margin: 0; display: flex; min-height: 100vh; background: #1e1f22; color: #dbdee1;
  font: 16px/1.375 "gg sans", "Noto Sans", "DejaVu Sans", "Helvetica Neue", Arial, sans-serif }
a { color: #00a8fc; text-decoration: none }
p, ul, ol, h1, h2, h3, blockquote, pre { margin: 0 }
p + p { margin-top: 8px }
.rail { width: 72px; padding: 12px 0; background: #1e1f22; flex: none }
.rail div { width: 48px; height: 48px; margin: 0 auto 8px; border-radius: 16px; color: #fff;
  background: #313338; display: grid; place-items: center; font-weight: 600 }
.rail .on { background: #5865f2 }
.places { width: 232px; background: #2b2d31; flex: none; padding-bottom: 12px }
.places h1 { font-size: 16px; padding: 13px 16px; height: 48px; color: #f2f3f5;
  border-bottom: 1px solid #1f2023; margin-bottom: 12px }
.places div { margin: 1px 8px; padding: 5px 8px; border-radius: 4px; color: #949ba4;
  overflow: hidden; white-space: nowrap; text-overflow: ellipsis; font-weight: 500 }
.places .child { margin-left: 34px; font-size: 14px }
.places .on { background: #404249; color: #fff }
.sign { color: #80848e; font-size: 20px; font-weight: 500; margin-right: 6px }
main { flex: 1; min-width: 0; background: #313338; display: flex; flex-direction: column }
header { height: 48px; padding: 12px 16px; border-bottom: 1px solid #26272b; color: #f2f3f5;
  font-weight: 600; display: flex; align-items: center; flex: none }
header small { color: #80848e; font-weight: 400; margin-left: 8px }
.flow { flex: 1; padding: 16px 0 8px }
.opening { margin: 0 16px 16px }
.opening .disc { width: 68px; height: 68px; border-radius: 50%; background: #41434a; color: #fff;
  display: grid; place-items: center; font-size: 38px; margin-bottom: 8px }
.opening h2 { font-size: 30px; color: #f2f3f5 }
.opening p { color: #b5bac1 }
.message { position: relative; padding: 2px 48px 2px 72px; min-height: 28px }
.message.first { margin-top: 17px }
.message.ping { background: #444037 }
.message.ping::before { content: ""; position: absolute; inset: 0 auto 0 0; width: 2px;
  background: #f0b232 }
.message.only { background: #383a46 }
.message.only::before { content: ""; position: absolute; inset: 0 auto 0 0; width: 2px;
  background: #5865f2 }
.avatar { position: absolute; left: 16px; margin-top: 2px; width: 40px; height: 40px;
  border-radius: 50%; color: #fff; display: grid; place-items: center; font-weight: 600;
  font-size: 18px }
.by { color: #f2f3f5; font-weight: 500 }
.app { background: #5865f2; color: #fff; font-size: 10px; font-weight: 600; border-radius: 4px;
  padding: 1px 5px; margin-left: 5px; vertical-align: 2px }
.at { color: #949ba4; font-size: 12px; margin-left: 6px }
.above { display: flex; align-items: center; gap: 5px; font-size: 14px; color: #b5bac1;
  margin: 0 0 4px -36px; white-space: nowrap; overflow: hidden }
.above::before { content: ""; width: 33px; height: 10px; margin: 8px 2px 0 0; flex: none;
  border: 2px solid #4e5058; border-right: 0; border-bottom: 0; border-top-left-radius: 6px }
.above .mini { width: 16px; height: 16px; border-radius: 50%; font-size: 9px; color: #fff;
  display: inline-grid; place-items: center; flex: none }
.above b { font-weight: 500; color: #dbdee1 }
.text { overflow-wrap: anywhere }
.text h1 { font-size: 24px; color: #f2f3f5; margin: 12px 0 6px }
.text h2 { font-size: 20px; color: #f2f3f5; margin: 12px 0 6px }
.text h3 { font-size: 16px; color: #f2f3f5; margin: 12px 0 6px }
.text ul, .text ol { padding-left: 24px; margin: 4px 0 }
.text blockquote { border-left: 4px solid #4e5058; border-radius: 4px; padding-left: 12px }
.text .subtext { font-size: 13px; color: #949ba4 }
code { background: #1e1f22; border-radius: 3px; padding: 2px 4px; font-size: 85%;
  font-family: "gg mono", "DejaVu Sans Mono", Consolas, monospace }
pre.code { background: #2b2d31; border: 1px solid #1e1f22; border-radius: 4px; padding: 8px;
  margin: 6px 0; font: 14px/18px "gg mono", "DejaVu Sans Mono", Consolas, monospace;
  white-space: pre-wrap; max-width: min(800px, 100%) }
.mention { background: #3c4270; color: #c9cdfb; border-radius: 3px; padding: 0 2px;
  font-weight: 500 }
.time { background: #3f4147; border-radius: 3px; padding: 0 2px }
.edited { color: #949ba4; font-size: 10px; margin-left: 4px }
.thinking { color: #949ba4; font-style: italic }
.thinking::before, .typing::before { content: "●●●"; letter-spacing: 2px; font-size: 10px;
  margin-right: 6px; color: #dbdee1; font-style: normal }
.told { color: #949ba4 } .told b { color: #dbdee1 }
.picture { display: block; max-width: min(550px, 100%); max-height: 350px; border-radius: 8px;
  margin: 4px 0 }
.card { display: flex; align-items: center; gap: 10px; max-width: 432px; padding: 14px;
  background: #2b2d31; border: 1px solid #232428; border-radius: 8px; margin: 4px 0 }
.card .sheet { width: 30px; height: 40px; border-radius: 3px; background: #d3d6fd; flex: none;
  display: grid; place-items: end center; font-size: 8px; color: #5865f2; font-weight: 700;
  padding-bottom: 6px }
.card small { display: block; color: #949ba4; font-size: 12px }
.embed { max-width: 520px; background: #2b2d31; border-left: 4px solid #1e1f22;
  border-radius: 4px; padding: 8px 16px 16px 12px; margin: 4px 0; font-size: 14px }
.embed .title { font-weight: 600; font-size: 16px; color: #f2f3f5; margin-top: 8px }
.embed .fields { display: flex; flex-wrap: wrap; gap: 8px 16px; margin-top: 8px }
.embed .fields div { flex: 1 1 100% }
.embed .fields .inline { flex: 1 1 30% }
.embed .fields b { display: block; color: #f2f3f5 }
.embed footer { font-size: 12px; margin-top: 8px; color: #b5bac1 }
.row { display: flex; flex-wrap: wrap; gap: 8px; margin: 4px 0 }
.button { height: 32px; padding: 0 14px; border-radius: 8px; color: #fff; font-size: 14px;
  font-weight: 500; display: flex; align-items: center; gap: 6px; background: #41434a }
.button.s1 { background: #5865f2 } .button.s3 { background: #248046 }
.button.s4 { background: #da373c } .button.off { opacity: .5 }
.select { min-width: 400px; height: 40px; border-radius: 8px; background: #1e1f22;
  padding: 9px 12px; color: #949ba4; font-size: 14px }
.box { background: #2b2d31; border: 1px solid #3f4147; border-radius: 8px; padding: 14px;
  margin: 4px 0; max-width: 600px }
.line { border-top: 1px solid #3f4147; margin: 10px 0 }
.reaction { background: #2b2d31; border: 1px solid #2b2d31; border-radius: 8px;
  padding: 2px 7px; font-size: 14px; color: #b5bac1; font-weight: 600 }
.reaction.mine { background: #373a53; border-color: #5865f2; color: #dee0fc }
.thread { background: #2b2d31; border-radius: 6px; padding: 8px 10px; margin: 6px 0;
  max-width: 480px; font-size: 14px; color: #b5bac1 }
.thread b { color: #f2f3f5; margin-right: 8px } .thread i { color: #00a8fc; font-style: normal }
.private { font-size: 12px; color: #949ba4; margin-top: 4px } .private i { color: #00a8fc;
  font-style: normal }
.entry { margin: 0 16px; padding: 11px 16px; background: #383a40; border-radius: 8px;
  color: #6d6f78; flex: none }
.typing { height: 24px; padding: 3px 16px; font-size: 14px; flex: none }
.closed { margin: 0 16px 8px; padding: 10px 16px; background: #2b2d31; border-radius: 8px;
  color: #b5bac1; font-size: 14px }
"""
