;; Exports the right interface with functions of other types.
(component
  (core module $m (func (export "f") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $f (result u32) (canon lift (core func $i "f")))
  (instance $described (export "describe" (func $f)) (export "invoke" (func $f)))
  (export "toolhold:tool/described@0.1.0" (instance $described)))
