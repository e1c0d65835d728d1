;; Built for a version of the world that this host does not know.
(component
  (instance $described)
  (export "toolhold:tool/described@0.2.0" (instance $described)))
